using System.Buffers;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>A published message with all that subscribers get to see.</summary>
/// <param name="ClientId">The sender, if it came over MQTT.</param>
internal sealed record Publication(
    string Topic, ReadOnlyMemory<byte> Payload, int QualityOfService, bool Retain, string? ClientId, string? Principal)
{
    public string? ContentType { get; init; }

    public string? ResponseTopic { get; init; }

    public byte[]? CorrelationData { get; init; }

    public MqttPayloadFormatIndicator PayloadFormat { get; init; }

    public IReadOnlyList<MqttUserProperty> UserProperties { get; init; } = [];

    public DateTimeOffset? ExpiresAt { get; init; }

    public static Publication Of(MqttPublishPacket packet, string topic, string clientId, string principal, DateTimeOffset now) =>
        new(topic, packet.Payload.ToArray(), (int)packet.QualityOfServiceLevel, packet.Retain, clientId, principal)
        {
            ContentType = packet.ContentType,
            ResponseTopic = packet.ResponseTopic,
            CorrelationData = packet.CorrelationData,
            PayloadFormat = packet.PayloadFormatIndicator,
            UserProperties = packet.UserProperties ?? [],
            ExpiresAt = packet.MessageExpiryInterval == 0 ? null : now.AddSeconds(packet.MessageExpiryInterval),
        };

    public static Publication OfWill(MqttConnectPacket connect, string principal, DateTimeOffset now) =>
        new(connect.WillTopic, connect.WillMessage ?? [], (int)connect.WillQoS, connect.WillRetain, connect.ClientId, principal)
        {
            ContentType = connect.WillContentType,
            ResponseTopic = connect.WillResponseTopic,
            CorrelationData = connect.WillCorrelationData,
            PayloadFormat = connect.WillPayloadFormatIndicator,
            UserProperties = connect.WillUserProperties ?? [],
            ExpiresAt = connect.WillMessageExpiryInterval == 0 ? null : now.AddSeconds(connect.WillMessageExpiryInterval),
        };

    /// <param name="identifier">0 for QoS 0.</param>
    public MqttPublishPacket ToPacket(ushort identifier, bool retain, bool again, DateTimeOffset now) => new()
    {
        Topic = Topic,
        Payload = new ReadOnlySequence<byte>(Payload),
        QualityOfServiceLevel = identifier == 0 ? MqttQualityOfServiceLevel.AtMostOnce : MqttQualityOfServiceLevel.AtLeastOnce,
        PacketIdentifier = identifier,
        Retain = retain,
        Dup = again,
        ContentType = ContentType,
        ResponseTopic = ResponseTopic,
        CorrelationData = CorrelationData,
        PayloadFormatIndicator = PayloadFormat,
        UserProperties = [.. UserProperties],
        MessageExpiryInterval = ExpiresAt is { } end ? (uint)Math.Max(1, Math.Ceiling((end - now).TotalSeconds)) : 0,
    };

    public BusMessage ToBusMessage() => new(Topic, Payload, ClientId, Principal, QualityOfService);
}
