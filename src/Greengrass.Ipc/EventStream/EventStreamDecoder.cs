using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Greengrass.Ipc.EventStream;

/// <summary>
/// Reads the event stream encoding, strictly. A message's memory is allocated once all of its bytes are there, and its length is believed
/// only after the prelude's checksum and the limit have been checked, so that a peer can't make this end allocate more than it sent.
/// </summary>
internal static class EventStreamDecoder
{
    /// <summary>Takes one message off the front of the buffer.</summary>
    /// <returns>False if more bytes are needed; the buffer is then untouched.</returns>
    /// <exception cref="EventStreamException">The bytes are not a message; nothing after them can be read either.</exception>
    public static bool TryRead(
        ref ReadOnlySequence<byte> buffer, int maxMessageBytes, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out EventStreamMessage? message)
    {
        message = null;
        if (buffer.Length < EventStreamLimits.PreludeBytes)
            return false;

        var (total, headersLength) = ReadPrelude(buffer, maxMessageBytes);
        if (buffer.Length < total)
            return false;

        var bytes = new byte[total];
        buffer.Slice(0, total).CopyTo(bytes);
        var checkedLength = total - EventStreamLimits.TrailerBytes;
        if (Crc32.Compute(bytes.AsSpan(0, checkedLength)) != BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(checkedLength)))
            throw new EventStreamException(EventStreamError.MessageChecksum, "The message's checksum does not match its bytes.");

        var headersEnd = EventStreamLimits.PreludeBytes + headersLength;
        var headers = ReadHeaders(bytes.AsMemory(EventStreamLimits.PreludeBytes, headersLength));
        message = new EventStreamMessage(headers, bytes.AsMemory(headersEnd, checkedLength - headersEnd));
        buffer = buffer.Slice(total);
        return true;
    }

    private static (int Total, int Headers) ReadPrelude(in ReadOnlySequence<byte> buffer, int maxMessageBytes)
    {
        Span<byte> prelude = stackalloc byte[EventStreamLimits.PreludeBytes];
        buffer.Slice(0, EventStreamLimits.PreludeBytes).CopyTo(prelude);
        if (Crc32.Compute(prelude[..8]) != BinaryPrimitives.ReadUInt32BigEndian(prelude[8..]))
            throw new EventStreamException(EventStreamError.PreludeChecksum, "The prelude's checksum does not match its bytes.");

        var total = BinaryPrimitives.ReadUInt32BigEndian(prelude);
        if (total < EventStreamLimits.MinMessageBytes)
            throw new EventStreamException(EventStreamError.MessageTooShort, $"A message can't have {total} bytes.");
        if (total > (uint)maxMessageBytes)
            throw new EventStreamException(EventStreamError.MessageTooLong, $"A message of {total} bytes is longer than the limit of {maxMessageBytes}.");

        var headers = BinaryPrimitives.ReadUInt32BigEndian(prelude[4..]);
        if (headers > total - EventStreamLimits.MinMessageBytes)
            throw new EventStreamException(EventStreamError.HeadersLength, $"{headers} bytes of headers don't fit in a message of {total} bytes.");

        return ((int)total, (int)headers);
    }

    private static List<EventStreamHeader> ReadHeaders(ReadOnlyMemory<byte> rest)
    {
        var headers = new List<EventStreamHeader>(8);
        while (!rest.IsEmpty)
        {
            if (headers.Count == EventStreamLimits.MaxHeaders)
                throw new EventStreamException(EventStreamError.TooManyHeaders, $"More than {EventStreamLimits.MaxHeaders} headers.");

            var name = ReadName(ref rest);
            var type = (HeaderType)Take(ref rest, 1).Span[0];
            var length = EventStreamHeader.FixedLength(type);
            if (length < 0)
                length = BinaryPrimitives.ReadUInt16BigEndian(Take(ref rest, 2).Span);
            if (length > EventStreamLimits.MaxHeaderValueBytes)
                throw new EventStreamException(EventStreamError.HeaderValue, $"The value of header {name} has {length} bytes.");

            var value = Take(ref rest, length);
            if (type == HeaderType.String && !Utf8.IsValid(value.Span))
                throw new EventStreamException(EventStreamError.HeaderValue, $"The value of header {name} is not UTF-8.");
            headers.Add(new EventStreamHeader(name, type, value));
        }

        return headers;
    }

    private static string ReadName(ref ReadOnlyMemory<byte> rest)
    {
        int length = Take(ref rest, 1).Span[0];
        if (length is 0 or > EventStreamLimits.MaxHeaderNameBytes)
            throw new EventStreamException(EventStreamError.HeaderName, $"A header name can't have {length} bytes.");

        var name = Take(ref rest, length).Span;
        if (!Utf8.IsValid(name))
            throw new EventStreamException(EventStreamError.HeaderName, "A header name is not UTF-8.");
        return Encoding.UTF8.GetString(name);
    }

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest, int length)
    {
        if (rest.Length < length)
            throw new EventStreamException(EventStreamError.HeaderValue, "A header ends after the headers do.");
        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
