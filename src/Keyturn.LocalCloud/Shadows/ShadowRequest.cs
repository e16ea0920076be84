using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Shadows;

/// <summary>Reads requests, in the words of AWS where they are refused.</summary>
internal static class ShadowRequest
{
    private const int MaxTokenBytes = 64;

    public static ShadowUpdate Update(JsonObject json)
    {
        if (!json.TryGetPropertyValue("state", out var node))
            throw ShadowException.BadRequest("Missing required node: state");
        if (node is not JsonObject state)
            throw ShadowException.BadRequest("State node must be an object");
        foreach (var (name, section) in state)
        {
            if (name is not ("desired" or "reported"))
                throw ShadowException.BadRequest($"State contains an invalid node: '{name}'");
            if (section is not (null or JsonObject))
                throw ShadowException.BadRequest($"{(name == "desired" ? "Desired" : "Reported")} node must be an object");
            ShadowMerge.Check(section);
        }

        var version = json["version"] switch
        {
            null => (long?)null,
            JsonValue value when value.TryGetValue(out long number) && number >= 0 => number,
            _ => throw ShadowException.BadRequest("Invalid version"),
        };
        return new ShadowUpdate(state, version, Token(json));
    }

    public static string? Token(JsonObject json) => json["clientToken"] switch
    {
        null => null,
        JsonValue value when value.TryGetValue(out string? token) && Encoding.UTF8.GetByteCount(token) <= MaxTokenBytes => token,
        _ => throw ShadowException.BadRequest("Invalid clientToken"),
    };

    public static JsonObject Parse(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return RequestBody.Parse("iot-data", payload);
        }
        catch (ApiException)
        {
            throw ShadowException.BadRequest("Invalid JSON");
        }
    }
}
