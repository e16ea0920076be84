using System.Text;
using System.Text.Json;

namespace Greengrass.Ipc.Rpc;

/// <summary>Reads the errors of a nucleus. Two of their forms name no model type: plain text, and <c>{"error":"Unsupported Operation"}</c>.</summary>
internal static class ServiceErrors
{
    /// <summary>An error that explains itself at length is cut here: it ends in logs.</summary>
    private const int MaxMessageCharacters = 2000;

    public static IpcServiceException Read(string operation, RpcMessage message)
    {
        var (unmodelledName, text) = ReadPayload(message.Payload);
        var name = message.ServiceModelType is { } type ? type[(type.IndexOf('#') + 1)..] : unmodelledName;
        return new IpcServiceException(operation, name, text.Length > MaxMessageCharacters ? text[..MaxMessageCharacters] : text);
    }

    private static (string Name, string Message) ReadPayload(ReadOnlyMemory<byte> payload)
    {
        try
        {
            using var json = JsonDocument.Parse(payload);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
            {
                var message = Property(json.RootElement, "message") ?? Property(json.RootElement, "_message");
                return Property(json.RootElement, "error") is { } error
                    ? (IpcErrorNames.UnsupportedOperation, message ?? error)
                    : (IpcErrorNames.InternalServerError, message ?? "");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or not Unicode, cut off within a character perhaps: the text is the message.
        }

        return (IpcErrorNames.InternalServerError, Encoding.UTF8.GetString(payload.Span));
    }

    private static string? Property(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
