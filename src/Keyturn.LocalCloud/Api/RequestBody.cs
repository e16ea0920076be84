using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>JSON bodies, read as strictly as AWS reads them.</summary>
internal static class RequestBody
{
    public static JsonObject Parse(string service, ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return [];
        try
        {
            return StrictJson.Parse(body.Span) as JsonObject ?? throw Malformed(service, "Expected a JSON object as the request's body.");
        }
        catch (JsonException)
        {
            throw Malformed(service, "The request's body is not valid JSON.");
        }
    }

    /// <summary>What each service says to a body that it can't read, or to a member of the wrong type.</summary>
    public static ApiException Malformed(string service, string message) => service switch
    {
        "dynamodb" or "acm-pca" or "events" or "sqs" => new(400, "SerializationException", message),
        "greengrass" => new(400, "ValidationException", message),
        "lambda" => new(400, "InvalidRequestContentException", message),
        _ => new(400, "InvalidRequestException", message),
    };
}
