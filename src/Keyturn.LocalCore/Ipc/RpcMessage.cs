using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Ipc;

internal enum MessageType
{
    ApplicationMessage = 0,
    ApplicationError = 1,
    Ping = 2,
    PingResponse = 3,
    Connect = 4,
    ConnectAck = 5,
    ProtocolError = 6,
    InternalError = 7,
}

/// <summary>A frame with the three headers that every message of the RPC protocol carries.</summary>
internal sealed record RpcMessage(MessageType Type, int Flags, int StreamId, Frame Frame)
{
    public const int ConnectionAccepted = 1;
    public const int TerminateStream = 2;

    public bool Terminates => (Flags & TerminateStream) != 0;

    /// <returns>Null when one of the three is missing or is not a 32-bit integer.</returns>
    public static RpcMessage? From(Frame frame) =>
        frame.Find(":message-type")?.AsInt32 is { } type
        && frame.Find(":message-flags")?.AsInt32 is { } flags
        && frame.Find(":stream-id")?.AsInt32 is { } stream
            ? new((MessageType)type, flags, stream, frame)
            : null;

    public static byte[] Encode(MessageType type, int flags, int streamId, IEnumerable<Header> headers, ReadOnlyMemory<byte> payload) =>
        new Frame(
            [.. headers, Header.Of(":message-type", (int)type), Header.Of(":message-flags", flags), Header.Of(":stream-id", streamId)],
            payload).Encode();

    public static byte[] EncodeJson(MessageType type, int flags, int streamId, string? modelType, JsonNode payload)
    {
        List<Header> headers = [Header.Of(":content-type", "application/json")];
        if (modelType is not null)
            headers.Add(Header.Of("service-model-type", modelType));
        return Encode(type, flags, streamId, headers, JsonSerializer.SerializeToUtf8Bytes(payload));
    }
}

/// <summary>A refusal that the service model names.</summary>
internal sealed class IpcException(string name, string message) : Exception(message)
{
    public string Name { get; } = name;

    public static IpcException Service(string message) => new("ServiceError", message);

    public static IpcException InvalidArguments(string message) => new("InvalidArgumentsError", message);

    public static IpcException NotFound(string message) => new("ResourceNotFoundError", message);

    public static IpcException Conflict(string message) => new("ConflictError", message);

    public static IpcException FailedCondition(string message) => new("FailedUpdateConditionCheckError", message);

    public static IpcException Unauthorized() => new("UnauthorizedError", "Not Authorized");

    public JsonObject ToJson() => new()
    {
        ["message"] = Message,
        ["_service"] = "aws.greengrass#GreengrassCoreIPC",
        ["_message"] = Message,
        ["_errorCode"] = Name,
    };
}
