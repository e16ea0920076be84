using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>What a packet of a client must be for MQTT to call it well-formed. It is looked at before the codec, which is generous, makes objects of it.</summary>
internal static class PacketRules
{
    private const byte WillFlag = 0x04;
    private const byte WillDetails = 0x38;
    private const byte PasswordFlag = 0x40;
    private const byte UserNameFlag = 0x80;

    /// <param name="first">The first byte: type and flags.</param>
    /// <exception cref="MQTTnet.Exceptions.MqttProtocolViolationException">It is not well-formed.</exception>
    public static void Check(byte first, ReadOnlySpan<byte> body, bool isVersion5)
    {
        var packet = new WireReader(body);
        switch ((MqttControlPacketType)(first >> 4))
        {
            case MqttControlPacketType.Connect:
                Connect(ref packet, isVersion5);
                break;
            case MqttControlPacketType.Publish:
                packet.Text();
                if ((first & 0x06) != 0)
                    packet.UInt16();
                if (isVersion5)
                    PacketProperties.Check(ref packet, PacketProperties.OfPublish);
                return;
            case MqttControlPacketType.PubAck:
                packet.UInt16();
                Ending(ref packet, isVersion5, PacketProperties.OfAcknowledgement);
                break;
            case MqttControlPacketType.Subscribe:
                packet.UInt16();
                if (isVersion5)
                    PacketProperties.Check(ref packet, PacketProperties.OfSubscribe);
                while (!packet.IsAtEnd)
                    CheckOptions(packet.Text(), packet.Byte(), isVersion5);
                break;
            case MqttControlPacketType.Unsubscribe:
                packet.UInt16();
                if (isVersion5)
                    PacketProperties.Check(ref packet, PacketProperties.OfUnsubscribe);
                while (!packet.IsAtEnd)
                    packet.Text();
                break;
            case MqttControlPacketType.Disconnect:
                Ending(ref packet, isVersion5, PacketProperties.OfDisconnect);
                break;
        }

        // Of the rest PINGREQ alone is answered, and that has no body.
        packet.End();
    }

    private static void Connect(ref WireReader packet, bool isVersion5)
    {
        packet.Text();
        packet.Byte();
        var flags = packet.Byte();
        packet.UInt16();
        if ((flags & WillFlag) == 0 && (flags & WillDetails) != 0)
            throw WireReader.Malformed("details of a will, and no will");
        if (!isVersion5 && (flags & PasswordFlag) != 0 && (flags & UserNameFlag) == 0)
            throw WireReader.Malformed("a password without a user name");
        if (isVersion5)
            PacketProperties.Check(ref packet, PacketProperties.OfConnect);
        packet.Text();
        if ((flags & WillFlag) != 0)
        {
            if (isVersion5)
                PacketProperties.Check(ref packet, PacketProperties.OfWill);
            packet.Text();
            packet.Binary();
        }

        if ((flags & UserNameFlag) != 0)
            packet.Text();
        if ((flags & PasswordFlag) != 0)
            packet.Binary();
    }

    private static void CheckOptions(string filter, byte options, bool isVersion5)
    {
        var reserved = isVersion5 ? 0xC0 : 0xFC;
        if ((options & reserved) != 0 || (options & 0x03) == 0x03 || (options & 0x30) == 0x30)
            throw WireReader.Malformed("the options of a subscription are none");
        if (isVersion5 && (options & 0x04) != 0 && filter.StartsWith("$share/", StringComparison.Ordinal))
            throw WireReader.Malformed("No Local on a shared subscription");
    }

    /// <summary>MQTT 5: a reason and properties, either of which may be left out.</summary>
    private static void Ending(ref WireReader packet, bool isVersion5, ReadOnlySpan<byte> allowed)
    {
        if (!isVersion5 || packet.IsAtEnd)
            return;
        packet.Byte();
        if (!packet.IsAtEnd)
            PacketProperties.Check(ref packet, allowed);
    }
}
