using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Things.</summary>
internal sealed class ThingOperations(DeviceRegistry registry)
{
    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "CreateThing", "POST", "/things/{thingName}", registry.Locked(Create)),
        new("iot", "DescribeThing", "GET", "/things/{thingName}", registry.Locked(Describe)),
        new("iot", "UpdateThing", "PATCH", "/things/{thingName}", registry.Locked(Update)),
        new("iot", "DeleteThing", "DELETE", "/things/{thingName}", Delete),
        new("iot", "ListThings", "GET", "/things", registry.Locked(List)),
    ];

    private JsonNode Create(ApiRequest request)
    {
        var name = request.Label("thingName", Names.Thing);
        var type = request.Text("thingTypeName", Names.Thing);
        var (attributes, _) = AttributePayload.Read(request.Json);
        if (type is not null && registry.Type(type).Deprecated is not null)
            throw RequestMembers.Invalid($"Thing type {type} is deprecated.");
        if (registry.Things.TryGetValue(name, out var existing))
        {
            // The same thing again is no error; a different one of that name is.
            if (existing.TypeName != type || !AttributePayload.Same(existing.Attributes, attributes))
                throw DeviceRegistry.Exists($"Thing {name} already exists in account with different attributes", name, existing.Arn);
            return Identity(existing);
        }

        var thing = new Thing(name) { TypeName = type };
        AttributePayload.CheckCount(attributes, type is not null);
        AttributePayload.Apply(thing.Attributes, attributes, merge: true);
        registry.Things.Add(name, thing);
        return Identity(thing);
    }

    private JsonNode Describe(ApiRequest request)
    {
        var thing = registry.Thing(request.Label("thingName", Names.Thing));
        var answer = Identity(thing);
        answer["defaultClientId"] = thing.Name;
        answer["attributes"] = AttributePayload.Show(thing.Attributes);
        answer["version"] = thing.Version;
        if (thing.TypeName is not null)
            answer["thingTypeName"] = thing.TypeName;
        return answer;
    }

    private JsonNode Update(ApiRequest request)
    {
        var name = request.Label("thingName", Names.Thing);
        var (attributes, merge) = AttributePayload.Read(request.Json);
        var type = request.Text("thingTypeName", Names.Thing);
        var remove = request.Flag("removeThingType") == true;
        if (remove && type is not null)
            throw RequestMembers.Invalid("A thing type can't be set and removed in one request.");
        var expected = request.Number("expectedVersion");
        var thing = registry.Thing(name);
        CheckVersion(thing, expected);
        if (type is not null && registry.Type(type).Deprecated is not null)
            throw RequestMembers.Invalid($"Thing type {type} is deprecated.");
        if (attributes is not null)
            AttributePayload.Apply(thing.Attributes, attributes, merge);
        thing.TypeName = remove ? null : type ?? thing.TypeName;
        thing.Version++;
        return new JsonObject();
    }

    private ValueTask<ApiResponse> Delete(ApiRequest request, CancellationToken cancellation)
    {
        var name = request.Label("thingName", Names.Thing);
        lock (registry.Gate)
        {
            var thing = registry.Thing(name);
            CheckVersion(thing, request.QueryNumber("expectedVersion", 0, long.MaxValue));
            if (thing.Principals.Count > 0)
                throw RequestMembers.Invalid($"Cannot delete. Thing {name} is still attached to one or more principals");
            registry.Things.Remove(name);
            foreach (var group in registry.Groups.Values)
                group.Things.Remove(name);
        }

        registry.RaiseThingDeleted(name);
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private JsonNode List(ApiRequest request)
    {
        var type = request.QueryText("thingTypeName", Names.Thing);
        var attribute = request.QueryText("attributeName", Names.AttributeName);
        var value = request.QueryText("attributeValue", Names.AttributeValue);
        var prefix = request.QueryFlag("usePrefixAttributeValue");
        if (value is not null && attribute is null)
            throw RequestMembers.Invalid("attributeValue needs attributeName.");
        var things = registry.Things.Values.Where(t =>
            (type is null || t.TypeName == type)
            && (attribute is null || (t.Attributes.TryGetValue(attribute, out var held)
                && (value is null || (prefix ? held.StartsWith(value, StringComparison.Ordinal) : held == value)))));
        return request.Page("things", things, t => t.Name, t =>
        {
            var shown = new JsonObject
            {
                ["thingName"] = t.Name,
                ["thingArn"] = t.Arn,
                ["attributes"] = AttributePayload.Show(t.Attributes),
                ["version"] = t.Version,
            };
            if (t.TypeName is not null)
                shown["thingTypeName"] = t.TypeName;
            return shown;
        });
    }

    private static JsonObject Identity(Thing thing) =>
        new() { ["thingName"] = thing.Name, ["thingArn"] = thing.Arn, ["thingId"] = thing.Id };

    private static void CheckVersion(Thing thing, long? expected)
    {
        if (expected is not null && expected != thing.Version)
            throw new ApiException(409, "VersionConflictException", $"The expected version {expected} is not the thing's version {thing.Version}.");
    }
}
