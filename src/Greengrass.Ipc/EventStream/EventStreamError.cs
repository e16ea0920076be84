namespace Greengrass.Ipc.EventStream;

/// <summary>What is wrong with a message of the event stream.</summary>
internal enum EventStreamError
{
    /// <summary>The prelude's checksum does not match: the lengths in it mean nothing.</summary>
    PreludeChecksum,
    /// <summary>The message's checksum does not match.</summary>
    MessageChecksum,
    /// <summary>Shorter than a prelude and a trailer.</summary>
    MessageTooShort,
    /// <summary>Longer than the limit of the format, or than the limit set for this connection.</summary>
    MessageTooLong,
    /// <summary>The headers do not fit in the message.</summary>
    HeadersLength,
    /// <summary>More headers than allowed.</summary>
    TooManyHeaders,
    /// <summary>A header name that is empty, too long or not UTF-8.</summary>
    HeaderName,
    /// <summary>A header type that does not exist.</summary>
    HeaderType,
    /// <summary>A header that ends after the headers do, or is too long, or a string that is not UTF-8.</summary>
    HeaderValue,
    /// <summary>The stream ended inside a message.</summary>
    Truncated,
}

/// <summary>Bytes that are not a message of the event stream encoding. The stream can't be read any further.</summary>
internal sealed class EventStreamException(EventStreamError error, string message) : Exception(message)
{
    public EventStreamError Error { get; } = error;
}
