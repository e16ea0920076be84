using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Reads attribute values from requests, as strictly as DynamoDB.</summary>
internal static class AttributeReader
{
    private const int MaxDepth = 32;

    public static MapValue ReadItem(JsonObject members) => Map(members, 0);

    public static AttributeValue Read(JsonNode? node) => Read(node, 0);

    private static AttributeValue Read(JsonNode? node, int depth)
    {
        if (node is not JsonObject typed)
            throw Malformed("an attribute value is not a structure");
        if (depth > MaxDepth)
            throw DynamoDbErrors.Validation("Nesting Levels have exceeded supported limits");
        if (typed.Count == 0)
            throw DynamoDbErrors.Validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
        if (typed.Count > 1)
            throw DynamoDbErrors.Validation("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes");
        var (type, content) = typed.First();
        return type switch
        {
            "S" => new StringValue(Text(content)),
            "N" => new NumberValue(DynamoNumber.Parse(Text(content))),
            "B" => Binary(Text(content)),
            "BOOL" => new BooleanValue(Flag(content)),
            "NULL" => Flag(content) ? new NullValue() : throw DynamoDbErrors.Invalid("Null attribute value types must have the value of true"),
            "SS" => Set(content, t => new StringValue(t), "string"),
            "NS" => Set(content, t => new NumberValue(DynamoNumber.Parse(t)), "number"),
            "BS" => Set(content, Binary, "binary"),
            "L" => new ListValue([.. List(content).Select(i => Read(i, depth + 1))]),
            "M" => content is JsonObject members ? Map(members, depth + 1) : throw Malformed("a map is not a structure"),
            _ => throw DynamoDbErrors.Validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        };
    }

    private static MapValue Map(JsonObject members, int depth)
    {
        var map = ImmutableDictionary.CreateBuilder<string, AttributeValue>(StringComparer.Ordinal);
        foreach (var (name, value) in members)
            map.Add(name, Read(value, depth));
        return new MapValue(map.ToImmutable());
    }

    private static SetValue Set(JsonNode? content, Func<string, AttributeValue> read, string kind)
    {
        var members = List(content).Select(m => read(Text(m))).ToImmutableList();
        if (members.IsEmpty)
            throw DynamoDbErrors.Invalid($"An {kind} set  may not be empty");
        return members.Distinct().Count() == members.Count
            ? new SetValue(members)
            : throw DynamoDbErrors.Invalid($"Input collection [{string.Join(", ", List(content).Select(Text))}] contains duplicates.");
    }

    private static BinaryValue Binary(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length)
            ? new BinaryValue(Convert.ToBase64String(bytes, 0, length))
            : throw Malformed("a binary is not base64");
    }

    private static JsonArray List(JsonNode? content) => content as JsonArray ?? throw Malformed("a list or set is not an array");

    private static string Text(JsonNode? content) =>
        content?.GetValueKind() == JsonValueKind.String ? content.GetValue<string>() : throw Malformed("a scalar is not a string");

    private static bool Flag(JsonNode? content) => content?.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Malformed("a boolean is not one"),
    };

    private static ApiException Malformed(string what) => RequestBody.Malformed("dynamodb", $"Malformed attribute value: {what}.");
}
