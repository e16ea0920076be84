using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Certificates on things: attach (exclusively or not), detach a moment later, list both ways.</summary>
internal sealed class ThingPrincipals(DeviceRegistry registry, TimeSpan detachDelay, TimeProvider time)
{
    private const string PrincipalHeader = "x-amzn-principal";
    private const string Exclusive = "EXCLUSIVE_THING";
    private const string NonExclusive = "NON_EXCLUSIVE_THING";

    private readonly HashSet<(Thing, Certificate)> _leaving = [];

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "AttachThingPrincipal", "PUT", "/things/{thingName}/principals", registry.Locked(Attach)),
        new("iot", "DetachThingPrincipal", "DELETE", "/things/{thingName}/principals", registry.Locked(Detach)),
        new("iot", "ListThingPrincipals", "GET", "/things/{thingName}/principals", registry.Locked(List)),
        new("iot", "ListThingPrincipalsV2", "GET", "/things/{thingName}/principals-v2", registry.Locked(ListWithType)),
        new("iot", "ListPrincipalThings", "GET", "/principals/things", registry.Locked(ListThings)),
        new("iot", "ListPrincipalThingsV2", "GET", "/principals/things-v2", registry.Locked(ListThingsWithType)),
    ];

    private JsonNode Attach(ApiRequest request)
    {
        var (principal, exclusive) = (Principal(request), request.QueryText("thingPrincipalType", Names.PrincipalType) == Exclusive);
        var thing = Thing(request);
        var certificate = registry.CertificateAt(principal);
        // What was asked for first happens first: a detaching on its way does not undo this.
        if (_leaving.Remove((thing, certificate)))
            Separate(thing, certificate);
        if (thing.Principals.TryGetValue(certificate.Id, out var was))
        {
            return was == exclusive
                ? new JsonObject()
                : throw RequestMembers.Invalid($"Principal {certificate.Arn} is attached to thing {thing.Name} with another type; detach it first.");
        }

        if (certificate.Things.Select(registry.Thing).FirstOrDefault(t => exclusive || t.Principals[certificate.Id]) is { } other)
            throw RequestMembers.Invalid($"Principal {certificate.Arn} is already attached to thing {other.Name}, so it can't be attached to {thing.Name}.");
        thing.Principals.Add(certificate.Id, exclusive);
        certificate.Things.Add(thing.Name);
        return new JsonObject();
    }

    /// <summary>The answer comes at once, the effect a moment later: whoever deletes the certificate straight away meets a conflict.</summary>
    private JsonNode Detach(ApiRequest request)
    {
        var principal = Principal(request);
        var thing = Thing(request);
        var certificate = registry.CertificateAt(principal);
        if (!thing.Principals.ContainsKey(certificate.Id))
            throw DeviceRegistry.NotFound($"Principal {certificate.Arn} is not attached to thing {thing.Name}.");
        if (detachDelay <= TimeSpan.Zero)
            Separate(thing, certificate);
        else if (_leaving.Add((thing, certificate)))
            _ = SeparateLaterAsync(thing, certificate);
        return new JsonObject();
    }

    private async Task SeparateLaterAsync(Thing thing, Certificate certificate)
    {
        await Task.Delay(detachDelay, time);
        lock (registry.Gate)
        {
            if (_leaving.Remove((thing, certificate)))
                Separate(thing, certificate);
        }
    }

    private static void Separate(Thing thing, Certificate certificate)
    {
        thing.Principals.Remove(certificate.Id);
        certificate.Things.Remove(thing.Name);
    }

    private JsonNode List(ApiRequest request)
    {
        var thing = Thing(request);
        return request.Page("principals", Arns(thing.Principals.Keys), p => p, p => p);
    }

    private JsonNode ListWithType(ApiRequest request)
    {
        var thing = Thing(request);
        var type = request.QueryText("thingPrincipalType", Names.PrincipalType);
        var principals = thing.Principals.Where(p => type is null || type == TypeOf(p.Value));
        return request.Page("thingPrincipalObjects", principals, p => p.Key, p => new JsonObject
        {
            ["principal"] = registry.Certificate(p.Key).Arn,
            ["thingPrincipalType"] = TypeOf(p.Value),
        });
    }

    private JsonNode ListThings(ApiRequest request) =>
        request.Page("things", registry.CertificateAt(Principal(request)).Things, t => t, t => t);

    private JsonNode ListThingsWithType(ApiRequest request)
    {
        var certificate = registry.CertificateAt(Principal(request));
        var type = request.QueryText("thingPrincipalType", Names.PrincipalType);
        var things = certificate.Things.Where(t => type is null || type == TypeOf(registry.Things[t].Principals[certificate.Id]));
        return request.Page("principalThingObjects", things, t => t, t => new JsonObject
        {
            ["thingName"] = t,
            ["thingPrincipalType"] = TypeOf(registry.Things[t].Principals[certificate.Id]),
        });
    }

    private IEnumerable<string> Arns(IEnumerable<string> ids) => ids.Select(id => registry.Certificate(id).Arn);

    private Thing Thing(ApiRequest request) => registry.Thing(request.Label("thingName", Names.Thing));

    private static string Principal(ApiRequest request) => request.Header(PrincipalHeader, "principal");

    private static string TypeOf(bool exclusive) => exclusive ? Exclusive : NonExclusive;
}
