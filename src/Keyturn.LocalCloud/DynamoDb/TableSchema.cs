using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <param name="Type">S, N or B.</param>
internal sealed record KeyAttribute(string Name, string Type);

/// <param name="Range">Null when the hash key alone is the key.</param>
internal sealed record KeySchema(KeyAttribute Hash, KeyAttribute? Range)
{
    public IEnumerable<KeyAttribute> Attributes => Range is null ? [Hash] : [Hash, Range];
}

/// <param name="Projected">Names of the attributes projected besides the keys; null means all.</param>
internal sealed record SecondaryIndex(string Name, bool IsGlobal, KeySchema Key, IReadOnlyList<string>? Projected);

/// <summary>What CreateTable declares of keys and indexes.</summary>
internal sealed record TableSchema(KeySchema Key, IReadOnlyList<SecondaryIndex> Indexes)
{
    public static TableSchema Read(JsonObject request)
    {
        var types = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var definition in Structures(request, "AttributeDefinitions") ?? throw DynamoDbErrors.Missing("AttributeDefinitions"))
        {
            var type = Required(definition, "AttributeType");
            if (type is not ("S" or "N" or "B"))
                throw DynamoDbErrors.Validation($"1 validation error detected: Value '{type}' at 'attributeDefinitions.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]");
            if (!types.TryAdd(Required(definition, "AttributeName"), type))
                throw DynamoDbErrors.Invalid("Duplicate AttributeName in AttributeDefinitions");
        }

        var key = ReadKey(request, types);
        var indexes = (Structures(request, "LocalSecondaryIndexes") ?? []).Select(i => ReadIndex(i, types, isGlobal: false))
            .Concat((Structures(request, "GlobalSecondaryIndexes") ?? []).Select(i => ReadIndex(i, types, isGlobal: true))).ToList();
        if (indexes.Find(i => !i.IsGlobal && (i.Key.Hash != key.Hash || i.Key.Range is null || key.Range is null)) is { } local)
            throw DynamoDbErrors.Invalid($"Index KeySchema does not have the table's hash key and a range key of its own for index: {local.Name}");
        if (indexes.Select(i => i.Name).Distinct().Count() != indexes.Count)
            throw DynamoDbErrors.Invalid("Duplicate index name");
        var used = indexes.SelectMany(i => i.Key.Attributes).Concat(key.Attributes).Select(a => a.Name).ToHashSet();
        return used.Count == types.Count
            ? new TableSchema(key, indexes)
            : throw DynamoDbErrors.Invalid($"Some AttributeDefinitions are not used. AttributeDefinitions: [{string.Join(", ", types.Keys)}], keys used: [{string.Join(", ", used)}]");
    }

    private static SecondaryIndex ReadIndex(JsonObject index, Dictionary<string, string> types, bool isGlobal)
    {
        var projection = index.Object("dynamodb", "Projection") ?? throw DynamoDbErrors.Missing("Projection");
        return new SecondaryIndex(Required(index, "IndexName"), isGlobal, ReadKey(index, types), projection.Text("dynamodb", "ProjectionType") switch
        {
            "ALL" => null,
            "KEYS_ONLY" => [],
            "INCLUDE" => projection.Texts("dynamodb", "NonKeyAttributes") ?? throw DynamoDbErrors.Invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"),
            var other => throw DynamoDbErrors.Invalid($"Unknown ProjectionType: {other}"),
        });
    }

    private static KeySchema ReadKey(JsonObject of, Dictionary<string, string> types)
    {
        var elements = (Structures(of, "KeySchema") ?? throw DynamoDbErrors.Missing("KeySchema"))
            .Select(e => (Name: Required(e, "AttributeName"), Kind: Required(e, "KeyType"))).ToList();
        if (elements.Count is 0 or > 2)
            throw DynamoDbErrors.Validation("1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length between 1 and 2");
        if (elements[0].Kind != "HASH")
            throw DynamoDbErrors.Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
        if (elements.Count == 2 && elements[1].Kind != "RANGE")
            throw DynamoDbErrors.Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
        var keys = elements.Select(e => new KeyAttribute(e.Name, types.GetValueOrDefault(e.Name)
            ?? throw DynamoDbErrors.Invalid($"Some index key attributes are not defined in AttributeDefinitions. Keys: [{e.Name}], AttributeDefinitions: [{string.Join(", ", types.Keys)}]"))).ToList();
        if (keys.Count == 2 && keys[0].Name == keys[1].Name)
            throw DynamoDbErrors.Invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name");
        return new KeySchema(keys[0], keys.ElementAtOrDefault(1));
    }

    private static List<JsonObject>? Structures(JsonObject of, string member) =>
        of.Array("dynamodb", member)?.Select(n => n as JsonObject ?? throw RequestBody.Malformed("dynamodb", $"'{member}' is not a list of structures.")).ToList();

    private static string Required(JsonObject of, string member) =>
        of.Text("dynamodb", member) is { Length: > 0 } value ? value : throw DynamoDbErrors.Missing(member);
}
