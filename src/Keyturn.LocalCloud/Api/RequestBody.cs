using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>JSON bodies, read as strictly as AWS reads them.</summary>
internal static class RequestBody
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    public static JsonObject Parse(string service, ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return [];
        try
        {
            if (JsonNode.Parse(body.Span, documentOptions: Strict) is not JsonObject parsed)
                throw Malformed(service, "Expected a JSON object as the request's body.");
            ReadStrings(parsed);
            return parsed;
        }
        // A lone surrogate in an escape is found only when the string is read.
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw Malformed(service, "The request's body is not valid JSON.");
        }
    }

    /// <summary>What each service says to a body that it can't read, or to a member of the wrong type.</summary>
    public static ApiException Malformed(string service, string message) => service switch
    {
        "dynamodb" or "acm-pca" => new(400, "SerializationException", message),
        "lambda" => new(400, "InvalidRequestContentException", message),
        _ => new(400, "InvalidRequestException", message),
    };

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
