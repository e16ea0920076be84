using System.Buffers;
using MQTTnet.Adapter;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>
/// MQTT packets over a stream. A length is checked before a byte of the body is read, so that a header can't make the broker
/// allocate. One reader and one writer at a time.
/// </summary>
internal sealed class PacketStream(Stream stream)
{
    private readonly MqttPacketFormatterAdapter _reading = new(new MqttBufferWriter(16, 16));
    private readonly byte[] _header = new byte[5];
    private MqttPacketFormatterAdapter? _writing;

    public bool IsVersion5 => _reading.ProtocolVersion == MqttProtocolVersion.V500;

    /// <summary>Null at the end of the stream between two packets.</summary>
    public async ValueTask<MqttPacket?> ReadAsync(CancellationToken cancellation)
    {
        // No packet is shorter than two bytes.
        var count = await stream.ReadAtLeastAsync(_header.AsMemory(0, 2), 2, throwOnEndOfStream: false, cancellation);
        if (count == 0)
            return null;
        if (count < 2)
            throw new EndOfStreamException();
        var length = _header[1] & 0x7F;
        var size = 2;
        while ((_header[size - 1] & 0x80) != 0)
        {
            if (size == 5)
                throw new MqttProtocolViolationException("The remaining length is longer than four bytes.");
            await stream.ReadExactlyAsync(_header.AsMemory(size, 1), cancellation);
            length |= (_header[size] & 0x7F) << (7 * (size - 1));
            size++;
        }

        if (length + size > MqttLimits.PacketBytes)
            throw new PacketTooLargeException(length + size);
        var isFirst = _writing is null;
        if (isFirst != (_header[0] >> 4 == (int)MqttControlPacketType.Connect))
            throw new MqttProtocolViolationException(isFirst ? "The first packet is not CONNECT." : "A second CONNECT.");

        if (!FlagsAreRight(_header[0]))
            throw new MqttProtocolViolationException("Reserved bits of a packet's first byte are set.");
        var body = new byte[length];
        await stream.ReadExactlyAsync(body, cancellation);
        return Decode(_header[0], body, length + size);
    }

    public async ValueTask WriteAsync(MqttPacket packet, CancellationToken cancellation)
    {
        var encoder = _writing ?? throw new InvalidOperationException("Nothing is sent before CONNECT.");
        var buffer = encoder.Encode(packet);
        var length = buffer.Length;
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            buffer.Packet.AsSpan().CopyTo(bytes);
            buffer.Payload.CopyTo(bytes.AsSpan(buffer.Packet.Count));
            encoder.Cleanup();
            await stream.WriteAsync(bytes.AsMemory(0, length), cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>PUBLISH has flags of its own; SUBSCRIBE and UNSUBSCRIBE have bit 1 set, all others none.</summary>
    private static bool FlagsAreRight(byte first) => (MqttControlPacketType)(first >> 4) switch
    {
        MqttControlPacketType.Publish => (first & 0b1000) == 0 || (first & 0b0110) != 0,
        MqttControlPacketType.Subscribe or MqttControlPacketType.Unsubscribe or MqttControlPacketType.PubRel => (first & 0x0F) == 0b0010,
        _ => (first & 0x0F) == 0,
    };

    private MqttPacket Decode(byte first, byte[] body, int length)
    {
        var received = new ReceivedMqttPacket(first, body, length);
        if (_writing is null)
        {
            _reading.DetectProtocolVersion(received);
            if (_reading.ProtocolVersion is not (MqttProtocolVersion.V311 or MqttProtocolVersion.V500))
                throw new MqttProtocolViolationException("Only MQTT 3.1.1 and 5 are spoken here.");
            _writing = new MqttPacketFormatterAdapter(_reading.ProtocolVersion, new MqttBufferWriter(128, 4096));
        }

        PacketRules.Check(first, body, IsVersion5);
        return _reading.Decode(received) ?? throw new MqttProtocolViolationException("Not a packet that a client sends.");
    }
}

internal sealed class PacketTooLargeException(int length) : Exception($"A packet of {length} bytes; at most {MqttLimits.PacketBytes} are taken.");
