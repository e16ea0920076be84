using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Shadows;

/// <summary>Shadows over HTTP.</summary>
internal sealed class ShadowOperations(ShadowService shadows, IDeviceDirectory directory, CloudAccount account, TimeProvider time)
{
    private const string Service = "iot-data";
    private static readonly MemberRule ThingName = new(1, 128, "[a-zA-Z0-9:_-]+");
    private static readonly MemberRule ShadowName = new(1, 64, "[$a-zA-Z0-9:_-]+");

    public IEnumerable<ApiOperation> All =>
    [
        new(Service, "GetThingShadow", "GET", "/things/{thingName}/shadow", Handle((_, thing, name) => shadows.Read(thing, name))),
        new(Service, "UpdateThingShadow", "POST", "/things/{thingName}/shadow", Handle(Update)),
        new(Service, "DeleteThingShadow", "DELETE", "/things/{thingName}/shadow", Handle((_, thing, name) => shadows.Delete(thing, name, null))),
        new(Service, "ListNamedShadowsForThing", "GET", "/api/things/shadow/ListNamedShadowsForThing/{thingName}", List),
    ];

    private JsonObject Update(ApiRequest request, string thing, string? name) =>
        shadows.Update(thing, name, ShadowRequest.Update(ShadowRequest.Parse(request.Body)));

    private ValueTask<ApiResponse> List(ApiRequest request, CancellationToken cancellation)
    {
        var thing = request.Label("thingName", ThingName);
        Authorize(request, account.Arn("iot", "thing/" + thing));
        var names = shadows.NamesOf(thing);
        var size = (int)(request.QueryNumber("pageSize", 1, 100) ?? 25);
        var after = request.QueryText("nextToken");
        var page = names.Where(n => after is null || string.CompareOrdinal(n, after) > 0).Take(size + 1).ToList();
        var json = new JsonObject
        {
            ["results"] = new JsonArray([.. page.Take(size).Select(n => (JsonNode)n)]), ["timestamp"] = time.GetUtcNow().ToUnixTimeSeconds(),
        };
        if (page.Count > size)
            json["nextToken"] = page[size - 1];
        return ValueTask.FromResult(new ApiResponse(Json: json));
    }

    /// <summary>The document is the body itself, not a member of one.</summary>
    private ApiHandler Handle(Func<ApiRequest, string, string?, JsonObject> operation) => (request, _) =>
    {
        var thing = request.Label("thingName", ThingName);
        var name = request.QueryText("name", ShadowName);
        Authorize(request, account.Arn("iot", $"thing/{thing}{(name is null ? "" : "/" + name)}"));
        try
        {
            return ValueTask.FromResult(new ApiResponse(
                Raw: JsonSerializer.SerializeToUtf8Bytes(operation(request, thing, name)), ContentType: "application/json"));
        }
        catch (ShadowException e)
        {
            throw e.ToApi();
        }
    };

    private void Authorize(ApiRequest request, string resource)
    {
        // Callers who sign are checked against IAM before they come here.
        if (request.Caller.CertificateId is not { } id)
            return;
        if (directory.FindCertificate(id) is not { IsActive: true } certificate
            || !PolicyEvaluation.Allows(certificate, time, "iot:" + request.Operation.Name, resource))
            throw new ApiException(403, "ForbiddenException", $"No policy of certificate {id} allows {request.Operation.Name} on {resource}.");
    }
}
