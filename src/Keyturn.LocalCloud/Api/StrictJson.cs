using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>
/// JSON that is read to the end at once: a name given twice or half a surrogate pair is found here, not in the middle of
/// an operation.
/// </summary>
internal static class StrictJson
{
    /// <summary>32 levels of DynamoDB's attribute values are 67 of JSON.</summary>
    private const int MaxDepth = 128;

    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = MaxDepth };

    /// <summary>Throws <see cref="JsonException"/> for whatever is not good JSON.</summary>
    public static JsonNode? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var node = JsonNode.Parse(json, documentOptions: Options);
            ReadStrings(node);
            return node;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new JsonException(e.Message, e);
        }
    }

    private static void ReadStrings(JsonNode? node)
    {
        if (node is JsonObject members)
        {
            foreach (var (_, value) in members)
                ReadStrings(value);
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
                ReadStrings(item);
        }
        else if (node?.GetValueKind() == JsonValueKind.String)
        {
            _ = node.GetValue<string>();
        }
    }
}
