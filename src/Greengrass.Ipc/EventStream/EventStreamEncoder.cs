using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Greengrass.Ipc.EventStream;

/// <summary>
/// Writes the event stream encoding: <c>u32 total, u32 headers, u32 crc(prelude), headers, payload, u32 crc(all before)</c>, big-endian.
/// Source: <see href="https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html"/>, which describes the same framing.
/// </summary>
internal static class EventStreamEncoder
{
    /// <summary>Writes the message in one piece, unless it is longer than the receiver takes.</summary>
    /// <exception cref="EventStreamException">The message breaks a limit. Nothing was written.</exception>
    public static void Write(
        IBufferWriter<byte> output, EventStreamMessage message, int maxMessageBytes = EventStreamLimits.MaxMessageBytes)
    {
        var headersLength = MeasureHeaders(message.Headers);
        var total = (long)EventStreamLimits.MinMessageBytes + headersLength + message.Payload.Length;
        if (total > maxMessageBytes)
            throw new EventStreamException(EventStreamError.MessageTooLong, $"A message of {total} bytes is longer than the limit of {maxMessageBytes}.");

        var buffer = output.GetSpan((int)total)[..(int)total];
        BinaryPrimitives.WriteUInt32BigEndian(buffer, (uint)total);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[4..], (uint)headersLength);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[8..], Crc32.Compute(buffer[..8]));

        var rest = buffer[EventStreamLimits.PreludeBytes..];
        foreach (var header in message.Headers)
            rest = WriteHeader(rest, header);
        message.Payload.Span.CopyTo(rest);

        var trailer = buffer[^EventStreamLimits.TrailerBytes..];
        BinaryPrimitives.WriteUInt32BigEndian(trailer, Crc32.Compute(buffer[..^EventStreamLimits.TrailerBytes]));
        output.Advance((int)total);
    }

    private static int MeasureHeaders(IReadOnlyList<EventStreamHeader> headers)
    {
        if (headers.Count > EventStreamLimits.MaxHeaders)
            throw new EventStreamException(EventStreamError.TooManyHeaders, $"{headers.Count} headers are more than {EventStreamLimits.MaxHeaders}.");

        var length = 0;
        foreach (var header in headers)
        {
            var nameLength = Encoding.UTF8.GetByteCount(header.Name);
            if (nameLength is 0 or > EventStreamLimits.MaxHeaderNameBytes)
                throw new EventStreamException(EventStreamError.HeaderName, $"A header name has 1 to {EventStreamLimits.MaxHeaderNameBytes} bytes, not {nameLength}.");

            var fixedLength = EventStreamHeader.FixedLength(header.Type);
            if (fixedLength < 0 ? header.Value.Length > EventStreamLimits.MaxHeaderValueBytes : header.Value.Length != fixedLength)
                throw new EventStreamException(EventStreamError.HeaderValue, $"Header {header.Name} has a value of {header.Value.Length} bytes.");

            length += 1 + nameLength + 1 + (fixedLength < 0 ? 2 : 0) + header.Value.Length;
        }

        return length;
    }

    private static Span<byte> WriteHeader(Span<byte> output, EventStreamHeader header)
    {
        var nameLength = Encoding.UTF8.GetBytes(header.Name, output[1..]);
        output[0] = (byte)nameLength;
        output[1 + nameLength] = (byte)header.Type;
        output = output[(2 + nameLength)..];

        if (EventStreamHeader.FixedLength(header.Type) < 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(output, (ushort)header.Value.Length);
            output = output[2..];
        }

        header.Value.Span.CopyTo(output);
        return output[header.Value.Length..];
    }
}
