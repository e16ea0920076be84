using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Ipc;

/// <summary>Carries out one request; a refusal is thrown as <see cref="IpcException"/>.</summary>
internal delegate ValueTask<JsonObject> OperationHandler(IpcStream stream, JsonObject request, CancellationToken cancellation);

/// <param name="Name">Without the service's namespace.</param>
/// <param name="Streaming">The stream stays open for events after the response.</param>
/// <param name="Space">The service's namespace.</param>
internal sealed record Operation(string Name, bool Streaming, OperationHandler Handle, string Space = Operation.Namespace)
{
    public const string Namespace = "aws.greengrass#";

    public string FullName => Space + Name;

    public string ResponseType => $"{Space}{Name}Response";
}

/// <summary>Reads members of a request. A member of another type is what the nucleus's JSON reader breaks on.</summary>
internal static class RequestMembers
{
    public static string? Text(this JsonObject request, string name) => request[name] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => throw new System.Text.Json.JsonException($"{name} is not a string"),
    };

    public static IReadOnlyList<string> Texts(this JsonObject request, string name) => request[name] switch
    {
        null => [],
        JsonArray array => [.. array.Select(item => item is JsonValue value && value.TryGetValue<string>(out var text)
            ? text
            : throw new System.Text.Json.JsonException($"{name} holds something else than strings"))],
        _ => throw new System.Text.Json.JsonException($"{name} is not a list"),
    };

    public static JsonObject? Map(this JsonObject request, string name) => request[name] switch
    {
        null => null,
        JsonObject map => map,
        _ => throw new System.Text.Json.JsonException($"{name} is not an object"),
    };

    public static byte[]? Blob(this JsonObject request, string name)
    {
        try
        {
            return request.Text(name) is { } text ? Convert.FromBase64String(text) : null;
        }
        catch (FormatException problem)
        {
            throw new System.Text.Json.JsonException($"{name} is not base64", problem);
        }
    }

    /// <summary>Timestamps are seconds since the epoch, with fractions.</summary>
    public static DateTimeOffset? Time(this JsonObject request, string name) => request[name] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<double>(out var seconds) && Math.Abs(seconds) < 1e11 => DateTimeOffset.UnixEpoch.AddSeconds(seconds),
        _ => throw new System.Text.Json.JsonException($"{name} is not a timestamp"),
    };
}
