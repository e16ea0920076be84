namespace Greengrass.Ipc.EventStream;

/// <summary>
/// Sizes of the AWS event stream encoding, as aws-c-event-stream enforces them:
/// <see href="https://github.com/awslabs/aws-c-event-stream/blob/main/include/aws/event-stream/event_stream.h"/>.
/// </summary>
internal static class EventStreamLimits
{
    /// <summary>Total length, headers length and their checksum.</summary>
    public const int PreludeBytes = 12;

    /// <summary>The checksum of the whole message.</summary>
    public const int TrailerBytes = 4;

    public const int MinMessageBytes = PreludeBytes + TrailerBytes;
    public const int MaxMessageBytes = 24 * 1024 * 1024;
    public const int MaxHeaders = 1024;
    public const int MaxHeaderNameBytes = 127;

    /// <summary>The length field could say more, but both ends read it as signed.</summary>
    public const int MaxHeaderValueBytes = short.MaxValue;
}
