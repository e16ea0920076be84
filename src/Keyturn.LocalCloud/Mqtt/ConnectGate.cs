using System.Security.Cryptography;
using System.Text;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Quotas;
using Keyturn.LocalCloud.Registry;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Who may connect, under which client id, on which terms.</summary>
internal sealed class ConnectGate(DeviceAuthentication authentication, DeviceAccess access, RateLimit? rate, RateLimits? ofClient)
{
    /// <returns>The admission, or why there is none.</returns>
    public (Admission? Admitted, MqttConnectReasonCode Code, string Reason) Check(
        MqttConnectPacket packet, bool isVersion5, SessionOwner owner)
    {
        if (rate?.TryTake() == false)
            return Refuse(MqttConnectReasonCode.ConnectionRateExceeded, "more CONNECTs a second than the account may have");
        if (packet.AuthenticationMethod is not null)
            return Refuse(MqttConnectReasonCode.BadAuthenticationMethod, "an authentication method; the certificate is the only one");
        var clientId = packet.ClientId ?? "";
        var assigned = false;
        if (clientId.Length == 0)
        {
            if (!isVersion5)
                return Refuse(MqttConnectReasonCode.ClientIdentifierNotValid, "no client id");
            (clientId, assigned) = ("$GEN/" + Guid.NewGuid().ToString(), true);
        }
        else if (clientId.StartsWith('$') || Encoding.UTF8.GetByteCount(clientId) > MqttLimits.ClientIdBytes)
        {
            return Refuse(MqttConnectReasonCode.ClientIdentifierNotValid, "a client id of 1 to 128 bytes that does not begin with $");
        }

        packet.ClientId = clientId;
        if (ofClient?.TryTake(clientId) == false)
            return Refuse(MqttConnectReasonCode.ConnectionRateExceeded, "more CONNECTs a second than one client id may have");
        if (authentication.Find(owner.Presented) is not { } certificate)
            return Refuse(MqttConnectReasonCode.NotAuthorized, "the certificate is not registered, not ACTIVE or not valid now");
        if (!access.MayConnect(certificate, owner, clientId, packet.WillFlag ? packet.WillTopic : null))
            return Refuse(MqttConnectReasonCode.NotAuthorized, "no policy allows iot:Connect");
        if (packet.WillFlag && CheckWill(packet, certificate, owner) is { } fault)
            return (null, fault.Code, fault.Reason);
        return (new Admission(clientId, assigned, KeepAlive(packet.KeepAlivePeriod), Terms(packet, isVersion5)), MqttConnectReasonCode.Success, "");
    }

    private (MqttConnectReasonCode Code, string Reason)? CheckWill(MqttConnectPacket packet, DeviceCertificate certificate, SessionOwner owner)
    {
        if (packet.WillQoS > MqttQualityOfServiceLevel.AtLeastOnce)
            return (MqttConnectReasonCode.QoSNotSupported, "a will of QoS 2");
        if (TopicRules.CheckTopic(packet.WillTopic ?? "") is { } reason)
            return (MqttConnectReasonCode.TopicNameInvalid, "the will: " + reason);
        if (packet.WillMessage?.Length > MqttLimits.PayloadBytes)
            return (MqttConnectReasonCode.PacketTooLarge, "the will is too large");
        return access.MayPublish(certificate, owner, packet.ClientId, packet.WillTopic!, packet.WillRetain)
            ? null
            : (MqttConnectReasonCode.NotAuthorized, "no policy allows the will");
    }

    private static (Admission?, MqttConnectReasonCode, string) Refuse(MqttConnectReasonCode code, string reason) => (null, code, reason);

    private static ushort KeepAlive(ushort asked) =>
        asked == 0 ? MqttLimits.LongestKeepAlive : Math.Clamp(asked, MqttLimits.ShortestKeepAlive, MqttLimits.LongestKeepAlive);

    private static OpeningTerms Terms(MqttConnectPacket packet, bool isVersion5)
    {
        var lifetime = isVersion5
            ? TimeSpan.FromSeconds(Math.Min(packet.SessionExpiryInterval, MqttLimits.LongestSession.TotalSeconds))
            : packet.CleanSession ? TimeSpan.Zero : MqttLimits.PersistentSession;
        return new OpeningTerms(packet.CleanSession, lifetime, packet.ReceiveMaximum == 0 ? ushort.MaxValue : packet.ReceiveMaximum);
    }
}

/// <param name="WasAssigned">MQTT 5 without a client id: the broker chose it.</param>
/// <param name="KeepAlive">Seconds.</param>
internal sealed record Admission(string ClientId, bool WasAssigned, ushort KeepAlive, OpeningTerms Terms);
