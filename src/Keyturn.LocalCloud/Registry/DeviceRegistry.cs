using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>
/// Things, groups, certificates and policies, and who is attached to whom. One lock guards all of it: operations are short
/// and a reader never sees half of one. Events are raised after the lock is left.
/// </summary>
internal sealed class DeviceRegistry : IDeviceDirectory
{
    public event Action<string>? CertificateRetired;

    public event Action<string, string>? ThingJoinedGroup;

    public event Action<string, string>? ThingLeftGroup;

    public event Action<string>? ThingDeleted;

    public Lock Gate { get; } = new();

    public SortedDictionary<string, Thing> Things { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, ThingType> ThingTypes { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, ThingGroup> Groups { get; } = new(StringComparer.Ordinal);

    /// <summary>In order of creation, which is how AWS lists them.</summary>
    public OrderedDictionary<string, Certificate> Certificates { get; } = new(StringComparer.Ordinal);

    /// <summary>CAs of the account's own, in order of registration.</summary>
    public OrderedDictionary<string, DeviceAuthority> CaCertificates { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, Policy> Policies { get; } = new(StringComparer.Ordinal);

    public void RaiseCertificateRetired(string id) => CertificateRetired?.Invoke(id);

    public void RaiseThingJoinedGroup(string group, string thing) => ThingJoinedGroup?.Invoke(group, thing);

    public void RaiseThingLeftGroup(string group, string thing) => ThingLeftGroup?.Invoke(group, thing);

    public void RaiseThingDeleted(string name) => ThingDeleted?.Invoke(name);

    /// <summary>An operation that answers at once, alone with the registry. Null answers with no body.</summary>
    public ApiHandler Locked(Func<ApiRequest, JsonNode?> answer) => (request, _) =>
    {
        lock (Gate)
            return ValueTask.FromResult(new ApiResponse(Json: answer(request)));
    };

    public DeviceCertificate? FindCertificate(string certificateId)
    {
        lock (Gate)
        {
            if (!Certificates.TryGetValue(certificateId, out var certificate))
                return null;
            var things = certificate.Things.Select(t => Things[t]).ToList();
            var names = certificate.Policies.Names.Concat(things.SelectMany(GroupsOf).SelectMany(g => g.Policies.Names)).Distinct();
            return new DeviceCertificate(
                certificate.Id, certificate.IsActive, [.. names.Select(n => Policies[n].Document)], [.. things.Select(t => t.Show())],
                things.FirstOrDefault(t => t.Principals[certificateId])?.Show());
        }
    }

    public DeviceThing? FindThing(string thingName)
    {
        lock (Gate)
            return Things.GetValueOrDefault(thingName)?.Show();
    }

    public IReadOnlyList<string>? ThingsInGroup(string groupName)
    {
        lock (Gate)
            return Groups.TryGetValue(groupName, out var group) ? [.. MembersBelow(group)] : null;
    }

    public IReadOnlyList<string> GroupsOfThing(string thingName)
    {
        lock (Gate)
            return Things.TryGetValue(thingName, out var thing) ? [.. GroupsOf(thing).Select(g => g.Name)] : [];
    }

    /// <summary>The groups a thing is directly in, and their ancestors.</summary>
    public IEnumerable<ThingGroup> GroupsOf(Thing thing) => Groups.Values.Where(g => g.Things.Contains(thing.Name)).SelectMany(Lineage).Distinct();

    /// <summary>A group and its ancestors, nearest first.</summary>
    public IEnumerable<ThingGroup> Lineage(ThingGroup group)
    {
        for (ThingGroup? g = group; g is not null; g = g.Parent is null ? null : Groups[g.Parent])
            yield return g;
    }

    /// <summary>Names of the things in a group and in the groups below it.</summary>
    public IEnumerable<string> MembersBelow(ThingGroup group) =>
        Groups.Values.Where(g => Lineage(g).Contains(group)).SelectMany(g => g.Things).Distinct().Order(StringComparer.Ordinal);

    public Thing Thing(string name) => Things.GetValueOrDefault(name) ?? throw NotFound($"Thing {name} cannot be found.");

    public ThingGroup Group(string name) => Groups.GetValueOrDefault(name) ?? throw NotFound($"Thing group {name} cannot be found.");

    public ThingType Type(string name) => ThingTypes.GetValueOrDefault(name) ?? throw NotFound($"Thing type {name} cannot be found.");

    public Policy Policy(string name) => Policies.GetValueOrDefault(name) ?? throw NotFound("Policy not found");

    public Certificate Certificate(string id) => Certificates.GetValueOrDefault(id) ?? throw NotFound($"Certificate ID {id} not found");

    public static ApiException NotFound(string message) => new(404, "ResourceNotFoundException", message);

    public static ApiException Exists(string message, string id, string arn) =>
        new(409, "ResourceAlreadyExistsException", message, new JsonObject { ["resourceId"] = id, ["resourceArn"] = arn });

    public static ApiException Conflict(string message) => new(409, "DeleteConflictException", message);

    public static double Epoch(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds() / 1000.0;
}
