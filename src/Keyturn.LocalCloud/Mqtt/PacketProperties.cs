namespace Keyturn.LocalCloud.Mqtt;

/// <summary>
/// The properties of MQTT 5 packets that a client sends: known ones of that packet only, each once, in its range. The codec that reads them for use lets all of
/// this pass. https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901029
/// </summary>
internal static class PacketProperties
{
    private const byte ResponseTopic = 0x08;
    private const byte SubscriptionIdentifier = 0x0B;
    private const byte UserProperty = 0x26;

    public static readonly byte[] OfConnect = [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, UserProperty, 0x27];
    public static readonly byte[] OfWill = [0x01, 0x02, 0x03, ResponseTopic, 0x09, 0x18, UserProperty];
    public static readonly byte[] OfPublish = [0x01, 0x02, 0x03, ResponseTopic, 0x09, 0x23, UserProperty];
    public static readonly byte[] OfSubscribe = [SubscriptionIdentifier, UserProperty];
    public static readonly byte[] OfUnsubscribe = [UserProperty];
    public static readonly byte[] OfAcknowledgement = [0x1F, UserProperty];
    public static readonly byte[] OfDisconnect = [0x11, 0x1F, UserProperty];

    public static void Check(ref WireReader packet, ReadOnlySpan<byte> allowed)
    {
        var properties = new WireReader(packet.Take(packet.VariableInteger()));
        var seen = 0UL;
        while (!properties.IsAtEnd)
        {
            var identifier = properties.Byte();
            if (!allowed.Contains(identifier))
                throw WireReader.Malformed($"the property {identifier:x2} does not belong here");
            if (identifier != UserProperty && (seen & (1UL << identifier)) != 0)
                throw WireReader.Malformed($"the property {identifier:x2} is there twice");
            seen |= 1UL << identifier;
            CheckValue(ref properties, identifier);
        }
    }

    private static void CheckValue(ref WireReader properties, byte identifier)
    {
        switch (identifier)
        {
            case 0x01 or 0x17 or 0x19:
                Require(properties.Byte() <= 1, "is neither 0 nor 1");
                break;
            case 0x02 or 0x11 or 0x18:
                properties.UInt32();
                break;
            case 0x27:
                Require(properties.UInt32() > 0, "is 0");
                break;
            case 0x21 or 0x23:
                Require(properties.UInt16() > 0, "is 0");
                break;
            case 0x22:
                properties.UInt16();
                break;
            case SubscriptionIdentifier:
                Require(properties.VariableInteger() > 0, "is 0");
                break;
            case ResponseTopic:
                Require(!properties.Text().AsSpan().ContainsAny('+', '#'), "holds a wildcard");
                break;
            case 0x09 or 0x16:
                properties.Binary();
                break;
            case UserProperty:
                properties.Text();
                properties.Text();
                break;
            default:
                properties.Text();
                break;
        }

        void Require(bool condition, string why)
        {
            if (!condition)
                throw WireReader.Malformed($"the property {identifier:x2} {why}");
        }
    }
}
