// AWS event stream encoding: https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html
using System.Buffers.Binary;
using System.Text;

namespace Keyturn.LocalCore.Ipc;

internal enum HeaderType : byte
{
    True = 0,
    False = 1,
    Byte = 2,
    Int16 = 3,
    Int32 = 4,
    Int64 = 5,
    Bytes = 6,
    String = 7,
    Timestamp = 8,
    Uuid = 9,
}

/// <summary>One header; the value is kept as it stands on the wire, without its length.</summary>
internal sealed record Header(string Name, HeaderType Type, ReadOnlyMemory<byte> Value)
{
    public int? AsInt32 => Type == HeaderType.Int32 ? BinaryPrimitives.ReadInt32BigEndian(Value.Span) : null;

    public string? AsString => Type == HeaderType.String ? Encoding.UTF8.GetString(Value.Span) : null;

    public static Header Of(string name, int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return new(name, HeaderType.Int32, bytes);
    }

    public static Header Of(string name, string value) => new(name, HeaderType.String, Encoding.UTF8.GetBytes(value));
}

/// <summary>The bytes can't be a frame, whatever follows them.</summary>
internal sealed class FrameException(string message) : IOException(message);

internal sealed record Frame(IReadOnlyList<Header> Headers, ReadOnlyMemory<byte> Payload)
{
    public const int MaxBytes = 24 * 1024 * 1024;
    public const int MaxHeaderBytes = 128 * 1024;
    public const int MaxHeaders = 1024;
    public const int MaxValueBytes = short.MaxValue;

    private const int PreludeBytes = 12;
    private const int ChecksumBytes = 4;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Header names don't differ by case.</summary>
    public Header? Find(string name) => Headers.FirstOrDefault(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <returns>The next frame, or null when the stream ends between two frames.</returns>
    /// <exception cref="FrameException">Checksum, length or header out of order.</exception>
    /// <exception cref="EndOfStreamException">The stream ends inside a frame.</exception>
    public static async ValueTask<Frame?> ReadAsync(Stream stream, CancellationToken cancellation, int maxBytes = MaxBytes)
    {
        var prelude = new byte[PreludeBytes];
        var read = await stream.ReadAtLeastAsync(prelude, PreludeBytes, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (read == 0)
            return null;
        if (read < PreludeBytes)
            throw new EndOfStreamException("the stream ended inside a prelude");
        var total = BinaryPrimitives.ReadUInt32BigEndian(prelude);
        var headers = BinaryPrimitives.ReadUInt32BigEndian(prelude.AsSpan(4));
        if (Crc32.Compute(prelude.AsSpan(0, 8)) != BinaryPrimitives.ReadUInt32BigEndian(prelude.AsSpan(8)))
            throw new FrameException("the prelude's checksum is wrong");
        if (total > maxBytes || headers > MaxHeaderBytes || total < PreludeBytes + ChecksumBytes + headers)
            throw new FrameException($"a length is out of bounds: {total} in all, {headers} of headers");

        var message = new byte[total];
        prelude.CopyTo(message, 0);
        await stream.ReadExactlyAsync(message.AsMemory(PreludeBytes), cancellation).ConfigureAwait(false);
        var body = message.AsMemory(0, message.Length - ChecksumBytes);
        if (Crc32.Compute(body.Span) != BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(message.Length - ChecksumBytes)))
            throw new FrameException("the message's checksum is wrong");
        return new(ReadHeaders(body.Slice(PreludeBytes, (int)headers)), body[(PreludeBytes + (int)headers)..]);
    }

    public byte[] Encode()
    {
        var headers = new MemoryStream();
        foreach (var header in Headers)
            WriteHeader(headers, header);
        var message = new byte[PreludeBytes + headers.Length + Payload.Length + ChecksumBytes];
        BinaryPrimitives.WriteInt32BigEndian(message, message.Length);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(4), (int)headers.Length);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(8), Crc32.Compute(message.AsSpan(0, 8)));
        headers.GetBuffer().AsSpan(0, (int)headers.Length).CopyTo(message.AsSpan(PreludeBytes));
        Payload.Span.CopyTo(message.AsSpan(PreludeBytes + (int)headers.Length));
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(message.Length - ChecksumBytes), Crc32.Compute(message.AsSpan(0, message.Length - ChecksumBytes)));
        return message;
    }

    private static List<Header> ReadHeaders(ReadOnlyMemory<byte> bytes)
    {
        List<Header> headers = [];
        while (!bytes.IsEmpty)
        {
            if (headers.Count == MaxHeaders)
                throw new FrameException($"more than {MaxHeaders} headers");
            var name = Take(ref bytes, Take(ref bytes, 1).Span[0]);
            if (name.IsEmpty)
                throw new FrameException("a header has no name");
            var type = (HeaderType)Take(ref bytes, 1).Span[0];
            var length = type switch
            {
                HeaderType.True or HeaderType.False => 0,
                HeaderType.Byte => 1,
                HeaderType.Int16 => 2,
                HeaderType.Int32 => 4,
                HeaderType.Int64 or HeaderType.Timestamp => 8,
                HeaderType.Uuid => 16,
                HeaderType.Bytes or HeaderType.String => BinaryPrimitives.ReadUInt16BigEndian(Take(ref bytes, 2).Span),
                _ => throw new FrameException($"a header is of the unknown type {(byte)type}"),
            };
            if (length > MaxValueBytes)
                throw new FrameException($"a header's value has {length} bytes");
            headers.Add(new(Text(name), type, Take(ref bytes, length)));
            if (type == HeaderType.String)
                Text(headers[^1].Value);
        }
        return headers;
    }

    private static string Text(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            throw new FrameException("a header is not UTF-8");
        }
    }

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> bytes, int count)
    {
        if (bytes.Length < count)
            throw new FrameException("the headers end inside a header");
        var taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }

    private static void WriteHeader(MemoryStream output, Header header)
    {
        var name = Utf8.GetBytes(header.Name);
        output.WriteByte(checked((byte)name.Length));
        output.Write(name);
        output.WriteByte((byte)header.Type);
        if (header.Type is HeaderType.Bytes or HeaderType.String)
        {
            Span<byte> length = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, checked((ushort)header.Value.Length));
            output.Write(length);
        }
        output.Write(header.Value.Span);
    }
}
