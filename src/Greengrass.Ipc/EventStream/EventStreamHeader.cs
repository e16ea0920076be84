using System.Buffers.Binary;
using System.Text;

namespace Greengrass.Ipc.EventStream;

/// <summary>The types a header value can have, by their number on the wire.</summary>
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

/// <summary>A name and a typed value. <see cref="Value"/> holds the value's bytes as they are on the wire, without a length.</summary>
internal readonly record struct EventStreamHeader
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal EventStreamHeader(string name, HeaderType type, ReadOnlyMemory<byte> value)
    {
        Name = name;
        Type = type;
        Value = value;
    }

    public string Name { get; }

    public HeaderType Type { get; }

    public ReadOnlyMemory<byte> Value { get; }

    public static EventStreamHeader Boolean(string name, bool value) =>
        new(name, value ? HeaderType.True : HeaderType.False, default);

    public static EventStreamHeader Byte(string name, sbyte value) => new(name, HeaderType.Byte, new[] { (byte)value });

    public static EventStreamHeader Int16(string name, short value) => new(name, HeaderType.Int16, BigEndian(2, value));

    public static EventStreamHeader Int32(string name, int value) => new(name, HeaderType.Int32, BigEndian(4, value));

    public static EventStreamHeader Int64(string name, long value) => new(name, HeaderType.Int64, BigEndian(8, value));

    public static EventStreamHeader Bytes(string name, ReadOnlyMemory<byte> value) => new(name, HeaderType.Bytes, value);

    public static EventStreamHeader String(string name, string value) =>
        new(name, HeaderType.String, StrictUtf8.GetBytes(value));

    /// <summary>Carried as milliseconds since the Unix epoch.</summary>
    public static EventStreamHeader Timestamp(string name, DateTimeOffset value) =>
        new(name, HeaderType.Timestamp, BigEndian(8, value.ToUnixTimeMilliseconds()));

    public static EventStreamHeader Uuid(string name, Guid value) =>
        new(name, HeaderType.Uuid, value.ToByteArray(bigEndian: true));

    /// <summary>The value if it is an int32, else null.</summary>
    public int? AsInt32() => Type == HeaderType.Int32 ? BinaryPrimitives.ReadInt32BigEndian(Value.Span) : null;

    /// <summary>The value if it is a string, else null.</summary>
    public string? AsString() => Type == HeaderType.String ? StrictUtf8.GetString(Value.Span) : null;

    /// <summary>Bytes of a value of this type, or -1 if it says its length itself.</summary>
    public static int FixedLength(HeaderType type) => type switch
    {
        HeaderType.True or HeaderType.False => 0,
        HeaderType.Byte => 1,
        HeaderType.Int16 => 2,
        HeaderType.Int32 => 4,
        HeaderType.Int64 or HeaderType.Timestamp => 8,
        HeaderType.Uuid => 16,
        HeaderType.Bytes or HeaderType.String => -1,
        _ => throw new EventStreamException(EventStreamError.HeaderType, $"There is no header type {(byte)type}."),
    };

    public bool Equals(EventStreamHeader other) =>
        Name == other.Name && Type == other.Type && Value.Span.SequenceEqual(other.Value.Span);

    public override int GetHashCode() => HashCode.Combine(Name, Type, Value.Length);

    private static byte[] BigEndian(int length, long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes[^length..];
    }
}
