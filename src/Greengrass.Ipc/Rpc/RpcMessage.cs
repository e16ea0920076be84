using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Rpc;

/// <summary>What a message is for: header <c>:message-type</c>.</summary>
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

/// <summary>Header <c>:message-flags</c>.</summary>
[Flags]
internal enum MessageFlags
{
    None = 0,
    ConnectionAccepted = 1,
    TerminateStream = 2,
}

/// <summary>A message of the event stream RPC: an event stream message with the three headers that every one must have.</summary>
internal sealed record RpcMessage(MessageType Type, MessageFlags Flags, int StreamId, EventStreamMessage Message)
{
    public const string TypeHeader = ":message-type";
    public const string FlagsHeader = ":message-flags";
    public const string StreamIdHeader = ":stream-id";
    public const string VersionHeader = ":version";
    public const string ContentTypeHeader = ":content-type";
    public const string OperationHeader = "operation";
    public const string ServiceModelTypeHeader = "service-model-type";

    public ReadOnlyMemory<byte> Payload => Message.Payload;

    public bool TerminatesStream => Flags.HasFlag(MessageFlags.TerminateStream);

    public string? ServiceModelType => Message.Find(ServiceModelTypeHeader)?.AsString();

    /// <exception cref="IpcProtocolException">A mandatory header is missing or of another type.</exception>
    public static RpcMessage Parse(EventStreamMessage message) => new(
        (MessageType)Mandatory(message, TypeHeader),
        (MessageFlags)Mandatory(message, FlagsHeader),
        Mandatory(message, StreamIdHeader),
        message);

    /// <summary>A message to send. Only int32 and string headers: nucleus lite takes no others.</summary>
    public static EventStreamMessage Create(
        MessageType type, MessageFlags flags, int streamId, ReadOnlyMemory<byte> payload, params ReadOnlySpan<EventStreamHeader> more) => new(
        [
            EventStreamHeader.Int32(TypeHeader, (int)type),
            EventStreamHeader.Int32(FlagsHeader, (int)flags),
            EventStreamHeader.Int32(StreamIdHeader, streamId),
            .. more,
        ],
        payload);

    private static int Mandatory(EventStreamMessage message, string name) =>
        message.Find(name)?.AsInt32() ?? throw new IpcProtocolException($"A message came without the int32 header {name}.");
}
