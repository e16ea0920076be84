using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Iam;

/// <summary>AWS IoT's role aliases, and its credentials provider: a device's certificate in exchange for temporary credentials of the role.</summary>
internal sealed class RoleAliases(RoleStore roles, AccessKeys keys, DeviceRegistry registry, TimeProvider time)
{
    private const string Principal = "credentials.iot.amazonaws.com";
    private static readonly MemberRule Name = new(1, 128, "[\\w=,@-]+");
    private static readonly MemberRule RoleArn = new(20, 2048);

    private readonly SortedDictionary<string, (string RoleArn, long Seconds)> _aliases = new(StringComparer.Ordinal);

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "CreateRoleAlias", "POST", "/role-aliases/{roleAlias}", registry.Locked(Create)),
        new("iot", "DescribeRoleAlias", "GET", "/role-aliases/{roleAlias}", registry.Locked(Describe)),
        new("iot", "DeleteRoleAlias", "DELETE", "/role-aliases/{roleAlias}", registry.Locked(Delete)),
        new("iot", "ListRoleAliases", "GET", "/role-aliases", registry.Locked(r => r.MarkedPage("roleAliases", _aliases.Keys, a => a, a => a))),
        new("credentials", "AssumeRoleWithCertificate", "GET", "/role-aliases/{roleAlias}/credentials", Assume),
    ];

    private JsonNode Create(ApiRequest request)
    {
        var alias = request.Label("roleAlias", Name);
        var arn = request.RequiredText("roleArn", RoleArn);
        var seconds = request.Number("credentialDurationSeconds", 900, 43_200) ?? 3600;
        if (!_aliases.TryAdd(alias, (arn, seconds)))
            throw DeviceRegistry.Exists($"Role alias {alias} already exists.", alias, ArnOf(alias));
        return new JsonObject { ["roleAlias"] = alias, ["roleAliasArn"] = ArnOf(alias) };
    }

    private JsonNode Describe(ApiRequest request)
    {
        var (alias, found) = Find(request);
        return new JsonObject
        {
            ["roleAliasDescription"] = new JsonObject
            {
                ["roleAlias"] = alias, ["roleAliasArn"] = ArnOf(alias), ["roleArn"] = found.RoleArn, ["owner"] = CloudAccount.Local.Id,
                ["credentialDurationSeconds"] = found.Seconds,
            },
        };
    }

    private JsonNode Delete(ApiRequest request)
    {
        _aliases.Remove(Find(request).Alias);
        return new JsonObject();
    }

    private (string Alias, (string RoleArn, long Seconds) Found) Find(ApiRequest request)
    {
        var alias = request.Label("roleAlias", Name);
        return _aliases.TryGetValue(alias, out var found) ? (alias, found) : throw DeviceRegistry.NotFound($"Role alias {alias} does not exist.");
    }

    private ValueTask<ApiResponse> Assume(ApiRequest request, CancellationToken cancellation)
    {
        var alias = request.Labels["roleAlias"];
        (string RoleArn, long Seconds) found;
        lock (registry.Gate)
        {
            if (!_aliases.TryGetValue(alias, out found))
                throw new ApiException(404, "ResourceNotFoundException", "Role alias does not exist");
        }

        if (request.Caller.CertificateId is not { } id || registry.FindCertificate(id) is not { IsActive: true } certificate
            || !PolicyEvaluation.Allows(certificate, time, "iot:AssumeRoleWithCertificate", ArnOf(alias))
            || roles.Find(found.RoleArn) is not { } role || !role.Trusts(Principal))
            throw new ApiException(403, "AccessDeniedException", "Access Denied");
        var key = keys.IssueForRole(role.Name, id);
        return ValueTask.FromResult(new ApiResponse(Json: new JsonObject
        {
            ["credentials"] = new JsonObject
            {
                ["accessKeyId"] = key.Id, ["secretAccessKey"] = key.Secret, ["sessionToken"] = key.SessionToken,
                ["expiration"] = time.GetUtcNow().AddSeconds(found.Seconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            },
        }));
    }

    private static string ArnOf(string alias) => CloudAccount.Local.Arn("iot", $"rolealias/{alias}");
}
