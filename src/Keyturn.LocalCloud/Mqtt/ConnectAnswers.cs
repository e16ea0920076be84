using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>CONNACK, with the terms that AWS IoT states to MQTT 5 clients.</summary>
internal static class ConnectAnswers
{
    public static MqttConnAckPacket Refused(MqttConnectReasonCode code, bool isVersion5) => new()
    {
        ReasonCode = code,
        ReturnCode = isVersion5 ? MqttConnectReturnCode.ConnectionAccepted : code switch
        {
            MqttConnectReasonCode.ClientIdentifierNotValid => MqttConnectReturnCode.ConnectionRefusedIdentifierRejected,
            MqttConnectReasonCode.ConnectionRateExceeded => MqttConnectReturnCode.ConnectionRefusedServerUnavailable,
            _ => MqttConnectReturnCode.ConnectionRefusedNotAuthorized,
        },
    };

    public static MqttConnAckPacket Accepted(Admission admitted, bool isSessionPresent, MqttConnectPacket asked) => new()
    {
        ReasonCode = MqttConnectReasonCode.Success,
        ReturnCode = MqttConnectReturnCode.ConnectionAccepted,
        IsSessionPresent = isSessionPresent,
        AssignedClientIdentifier = admitted.WasAssigned ? admitted.ClientId : null,
        ReceiveMaximum = MqttLimits.Unacknowledged,
        MaximumQoS = MqttQualityOfServiceLevel.AtLeastOnce,
        RetainAvailable = true,
        MaximumPacketSize = MqttLimits.PacketBytes,
        TopicAliasMaximum = MqttLimits.TopicAliases,
        WildcardSubscriptionAvailable = true,
        SubscriptionIdentifiersAvailable = false,
        SharedSubscriptionAvailable = true,
        SessionExpiryInterval = (uint)admitted.Terms.Lifetime.TotalSeconds,
        ServerKeepAlive = asked.KeepAlivePeriod == admitted.KeepAlive ? (ushort)0 : admitted.KeepAlive,
    };
}
