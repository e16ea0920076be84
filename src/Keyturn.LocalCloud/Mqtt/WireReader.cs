using System.Text;
using MQTTnet.Exceptions;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>The data types of MQTT, read as strictly as its text has them. https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901006</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _left = bytes;

    public readonly bool IsAtEnd => _left.IsEmpty;

    public byte Byte() => Take(1)[0];

    public int UInt16()
    {
        var taken = Take(2);
        return (taken[0] << 8) | taken[1];
    }

    public uint UInt32() => ((uint)UInt16() << 16) | (uint)UInt16();

    public int VariableInteger()
    {
        var value = 0;
        for (var shift = 0; shift <= 21; shift += 7)
        {
            var next = Byte();
            value |= (next & 0x7F) << shift;
            if ((next & 0x80) == 0)
                return value;
        }

        throw Malformed("a variable byte integer is longer than four bytes");
    }

    public ReadOnlySpan<byte> Binary() => Take(UInt16());

    public string Text()
    {
        var taken = Binary();
        if (taken.Contains((byte)0))
            throw Malformed("a string holds the null character");
        try
        {
            return Utf8.GetString(taken);
        }
        catch (ArgumentException)
        {
            throw Malformed("a string is not UTF-8");
        }
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > _left.Length)
            throw Malformed("the packet ends too early");
        var taken = _left[..count];
        _left = _left[count..];
        return taken;
    }

    public readonly void End()
    {
        if (!IsAtEnd)
            throw Malformed("the packet goes on after its end");
    }

    public static MqttProtocolViolationException Malformed(string why) => new($"Malformed: {why}.");
}
