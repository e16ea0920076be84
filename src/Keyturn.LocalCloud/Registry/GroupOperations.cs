using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Static thing groups.</summary>
internal sealed class GroupOperations(DeviceRegistry registry, TimeProvider time)
{
    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "CreateThingGroup", "POST", "/thing-groups/{thingGroupName}", registry.Locked(Create)),
        new("iot", "DescribeThingGroup", "GET", "/thing-groups/{thingGroupName}", registry.Locked(Describe)),
        new("iot", "UpdateThingGroup", "PATCH", "/thing-groups/{thingGroupName}", registry.Locked(Update)),
        new("iot", "DeleteThingGroup", "DELETE", "/thing-groups/{thingGroupName}", registry.Locked(Delete)),
        new("iot", "ListThingGroups", "GET", "/thing-groups", registry.Locked(List)),
        new("iot", "AddThingToThingGroup", "PUT", "/thing-groups/addThingToThingGroup", Add),
        new("iot", "RemoveThingFromThingGroup", "PUT", "/thing-groups/removeThingFromThingGroup", Remove),
        new("iot", "UpdateThingGroupsForThing", "PUT", "/thing-groups/updateThingGroupsForThing", UpdateForThing),
        new("iot", "ListThingsInThingGroup", "GET", "/thing-groups/{thingGroupName}/things", registry.Locked(ListThings)),
        new("iot", "ListThingGroupsForThing", "GET", "/things/{thingName}/thing-groups", registry.Locked(ListForThing)),
    ];

    private JsonNode Create(ApiRequest request)
    {
        var name = request.Label("thingGroupName", Names.Thing);
        var parent = request.Text("parentGroupName", Names.Thing);
        var (description, attributes) = Properties(request);
        if (parent is not null && !registry.Groups.ContainsKey(parent))
            throw DeviceRegistry.NotFound($"Thing group {parent} cannot be found.");
        if (registry.Groups.TryGetValue(name, out var existing))
        {
            if (existing.Parent != parent || existing.Description != description || !AttributePayload.Same(existing.Attributes, attributes))
                throw DeviceRegistry.Exists($"Thing Group {name} already exists in account with different attributes", name, existing.Arn);
            return Identity(existing);
        }

        var group = new ThingGroup(name, parent, time.GetUtcNow()) { Description = description };
        AttributePayload.Apply(group.Attributes, attributes, merge: true);
        registry.Groups.Add(name, group);
        return Identity(group);
    }

    private JsonNode Describe(ApiRequest request)
    {
        var group = registry.Group(request.Label("thingGroupName", Names.Thing));
        var metadata = new JsonObject { ["creationDate"] = DeviceRegistry.Epoch(group.Created) };
        if (group.Parent is not null)
        {
            metadata["parentGroupName"] = group.Parent;
            metadata["rootToParentThingGroups"] = new JsonArray([.. registry.Lineage(group).Skip(1).Reverse().Select(Reference)]);
        }

        var properties = new JsonObject { ["attributePayload"] = new JsonObject { ["attributes"] = AttributePayload.Show(group.Attributes) } };
        if (group.Description is not null)
            properties["thingGroupDescription"] = group.Description;
        var answer = Identity(group);
        answer["version"] = group.Version;
        answer["thingGroupProperties"] = properties;
        answer["thingGroupMetadata"] = metadata;
        return answer;
    }

    private JsonNode Update(ApiRequest request)
    {
        var name = request.Label("thingGroupName", Names.Thing);
        var properties = request.Object("thingGroupProperties") ?? throw RequestMembers.Missing("thingGroupProperties");
        var expected = request.Number("expectedVersion");
        var (attributes, merge) = AttributePayload.Read(properties);
        var description = properties.Text("iot", "thingGroupDescription", Names.Description);
        var group = registry.Group(name);
        CheckVersion(group, expected);
        if (attributes is not null)
            AttributePayload.Apply(group.Attributes, attributes, merge);
        group.Description = description ?? group.Description;
        return new JsonObject { ["version"] = ++group.Version };
    }

    private JsonNode Delete(ApiRequest request)
    {
        var name = request.Label("thingGroupName", Names.Thing);
        var expected = request.QueryNumber("expectedVersion", 0, long.MaxValue);
        // Deleting a group that does not exist succeeds on AWS.
        if (!registry.Groups.TryGetValue(name, out var group))
            return new JsonObject();
        CheckVersion(group, expected);
        if (registry.Groups.Values.Any(g => g.Parent == name))
            throw RequestMembers.Invalid($"Cannot delete thing group {name} when there are still child groups attached to it");
        registry.Groups.Remove(name);
        return new JsonObject();
    }

    private JsonNode List(ApiRequest request)
    {
        var parent = request.QueryText("parentGroup", Names.Thing);
        var prefix = request.QueryText("namePrefixFilter", Names.Thing);
        var recursive = request.QueryFlag("recursive", otherwise: true);
        var above = parent is null ? null : registry.Group(parent);
        var groups = registry.Groups.Values.Where(g =>
            (prefix is null || g.Name.StartsWith(prefix, StringComparison.Ordinal))
            && (above is null
                ? recursive || g.Parent is null
                : g != above && (recursive ? registry.Lineage(g).Contains(above) : g.Parent == above.Name)));
        return request.Page("thingGroups", groups, g => g.Name, Reference);
    }

    private ValueTask<ApiResponse> Add(ApiRequest request, CancellationToken cancellation)
    {
        string group, thing;
        bool joined;
        lock (registry.Gate)
        {
            (var target, thing) = Pair(request);
            group = target.Name;
            joined = target.Things.Add(thing);
        }

        if (joined)
            registry.RaiseThingJoinedGroup(group, thing);
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private ValueTask<ApiResponse> Remove(ApiRequest request, CancellationToken cancellation)
    {
        string group, thing;
        bool left;
        lock (registry.Gate)
        {
            (var target, thing) = Pair(request);
            group = target.Name;
            left = target.Things.Remove(thing);
        }

        if (left)
            registry.RaiseThingLeftGroup(group, thing);
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private ValueTask<ApiResponse> UpdateForThing(ApiRequest request, CancellationToken cancellation)
    {
        List<string> joined, left;
        string thing;
        lock (registry.Gate)
        {
            thing = registry.Thing(request.RequiredText("thingName", Names.Thing)).Name;
            // All are looked up first: a name that does not exist changes nothing.
            var add = (request.Texts("thingGroupsToAdd", Names.Thing) ?? []).Select(registry.Group).ToList();
            var remove = (request.Texts("thingGroupsToRemove", Names.Thing) ?? []).Select(registry.Group).ToList();
            if (add.Intersect(remove).FirstOrDefault() is { } both)
                throw RequestMembers.Invalid($"Thing group {both.Name} can't be both added and removed.");
            joined = [.. add.Where(g => g.Things.Add(thing)).Select(g => g.Name)];
            left = [.. remove.Where(g => g.Things.Remove(thing)).Select(g => g.Name)];
        }

        left.ForEach(g => registry.RaiseThingLeftGroup(g, thing));
        joined.ForEach(g => registry.RaiseThingJoinedGroup(g, thing));
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private JsonNode ListThings(ApiRequest request)
    {
        var group = registry.Group(request.Label("thingGroupName", Names.Thing));
        var things = request.QueryFlag("recursive") ? registry.MembersBelow(group) : group.Things;
        return request.Page("things", things, t => t, t => t);
    }

    private JsonNode ListForThing(ApiRequest request)
    {
        var thing = registry.Thing(request.Label("thingName", Names.Thing)).Name;
        return request.Page("thingGroups", registry.Groups.Values.Where(g => g.Things.Contains(thing)), g => g.Name, Reference);
    }

    private (ThingGroup Group, string Thing) Pair(ApiRequest request)
    {
        var group = request.Text("thingGroupName", Names.Thing) ?? FromArn(request, "thingGroupArn", ":thinggroup/");
        var thing = request.Text("thingName", Names.Thing) ?? FromArn(request, "thingArn", ":thing/");
        return (registry.Group(group), registry.Thing(thing).Name);
    }

    private static string FromArn(ApiRequest request, string member, string marker)
    {
        var arn = request.RequiredText(member);
        var at = arn.IndexOf(marker, StringComparison.Ordinal);
        return at > 0 ? arn[(at + marker.Length)..] : throw RequestMembers.Invalid($"Invalid {member}: {arn}");
    }

    private static (string? Description, Dictionary<string, string>? Attributes) Properties(ApiRequest request) =>
        request.Object("thingGroupProperties") is { } properties
            ? (properties.Text("iot", "thingGroupDescription", Names.Description), AttributePayload.Read(properties).Attributes)
            : (null, null);

    private static void CheckVersion(ThingGroup group, long? expected)
    {
        if (expected is not null && expected != group.Version)
            throw new ApiException(409, "VersionConflictException", $"The expected version {expected} is not the group's version {group.Version}.");
    }

    private static JsonObject Identity(ThingGroup group) =>
        new() { ["thingGroupName"] = group.Name, ["thingGroupArn"] = group.Arn, ["thingGroupId"] = group.Id };

    private static JsonNode Reference(ThingGroup group) => new JsonObject { ["groupName"] = group.Name, ["groupArn"] = group.Arn };
}
