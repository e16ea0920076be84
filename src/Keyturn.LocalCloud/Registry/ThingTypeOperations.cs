using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Thing types. A type can be deleted five minutes after it was deprecated.</summary>
internal sealed class ThingTypeOperations(DeviceRegistry registry, TimeProvider time)
{
    private static readonly TimeSpan DeprecationPeriod = TimeSpan.FromMinutes(5);

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "CreateThingType", "POST", "/thing-types/{thingTypeName}", registry.Locked(Create)),
        new("iot", "DescribeThingType", "GET", "/thing-types/{thingTypeName}", registry.Locked(Describe)),
        new("iot", "UpdateThingType", "PATCH", "/thing-types/{thingTypeName}", registry.Locked(Update)),
        new("iot", "DeprecateThingType", "POST", "/thing-types/{thingTypeName}/deprecate", registry.Locked(Deprecate)),
        new("iot", "DeleteThingType", "DELETE", "/thing-types/{thingTypeName}", registry.Locked(Delete)),
        new("iot", "ListThingTypes", "GET", "/thing-types", registry.Locked(List)),
    ];

    private JsonNode Create(ApiRequest request)
    {
        var name = request.Label("thingTypeName", Names.Thing);
        var (description, searchable) = Properties(request);
        if (registry.ThingTypes.TryGetValue(name, out var existing))
        {
            if (existing.Description != description || !existing.SearchableAttributes.SequenceEqual(searchable ?? []))
                throw DeviceRegistry.Exists($"Thing type {name} already exists in account with different properties", name, existing.Arn);
            return Identity(existing);
        }

        var type = new ThingType(name, time.GetUtcNow()) { Description = description, SearchableAttributes = searchable ?? [] };
        registry.ThingTypes.Add(name, type);
        return Identity(type);
    }

    private JsonNode Describe(ApiRequest request) => Show(registry.Type(request.Label("thingTypeName", Names.Thing)), withId: true);

    private JsonNode Update(ApiRequest request)
    {
        var type = registry.Type(request.Label("thingTypeName", Names.Thing));
        var (description, searchable) = Properties(request);
        type.Description = description ?? type.Description;
        type.SearchableAttributes = searchable ?? type.SearchableAttributes;
        return new JsonObject();
    }

    private JsonNode Deprecate(ApiRequest request)
    {
        var type = registry.Type(request.Label("thingTypeName", Names.Thing));
        type.Deprecated = request.Flag("undoDeprecate") == true ? null : type.Deprecated ?? time.GetUtcNow();
        return new JsonObject();
    }

    private JsonNode Delete(ApiRequest request)
    {
        var type = registry.Type(request.Label("thingTypeName", Names.Thing));
        if (type.Deprecated is not { } since)
            throw RequestMembers.Invalid($"Can only delete a deprecated thing type : {type.Name}");
        if (time.GetUtcNow() - since < DeprecationPeriod)
            throw RequestMembers.Invalid($"Thing type {type.Name} was deprecated less than 5 minutes ago");
        if (registry.Things.Values.Any(t => t.TypeName == type.Name))
            throw RequestMembers.Invalid($"Thing type {type.Name} still has things");
        registry.ThingTypes.Remove(type.Name);
        return new JsonObject();
    }

    private JsonNode List(ApiRequest request)
    {
        var name = request.QueryText("thingTypeName", Names.Thing);
        var types = registry.ThingTypes.Values.Where(t => name is null || t.Name == name);
        return request.Page("thingTypes", types, t => t.Name, t => Show(t, withId: false));
    }

    private static (string? Description, IReadOnlyList<string>? Searchable) Properties(ApiRequest request) =>
        request.Object("thingTypeProperties") is { } properties
            ? (properties.Text("iot", "thingTypeDescription", Names.Description),
                properties.Texts("iot", "searchableAttributes", Names.AttributeName))
            : (null, null);

    private static JsonObject Identity(ThingType type) =>
        new() { ["thingTypeName"] = type.Name, ["thingTypeArn"] = type.Arn, ["thingTypeId"] = type.Id };

    private static JsonObject Show(ThingType type, bool withId)
    {
        var properties = new JsonObject();
        if (type.Description is not null)
            properties["thingTypeDescription"] = type.Description;
        if (type.SearchableAttributes.Count > 0)
            properties["searchableAttributes"] = new JsonArray([.. type.SearchableAttributes.Select(a => (JsonNode)a)]);
        var metadata = new JsonObject
        {
            ["deprecated"] = type.Deprecated is not null,
            ["creationDate"] = DeviceRegistry.Epoch(type.Created),
        };
        if (type.Deprecated is { } since)
            metadata["deprecationDate"] = DeviceRegistry.Epoch(since);
        var answer = Identity(type);
        if (!withId)
            answer.Remove("thingTypeId");
        answer["thingTypeProperties"] = properties;
        answer["thingTypeMetadata"] = metadata;
        return answer;
    }
}
