using Keyturn.LocalCloud.Quotas;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>What a connected client sends, and what becomes of it.</summary>
internal sealed class ConnectedDevice(
    DeviceConnection connection, DeviceSession session, Presence presence, DeviceAccess access, MqttRouter router,
    PresenceEvents events, RateLimit rate, TimeProvider time)
{
    public void Handle(MqttPacket packet)
    {
        switch (packet)
        {
            case MqttPublishPacket publish:
                Publish(publish);
                break;
            case MqttPubAckPacket acknowledgement:
                session.Acknowledge(acknowledgement.PacketIdentifier);
                break;
            case MqttSubscribePacket subscribe:
                Subscribe(subscribe);
                break;
            case MqttUnsubscribePacket unsubscribe:
                Unsubscribe(unsubscribe);
                break;
            case MqttPingReqPacket:
                connection.Send(MqttPingRespPacket.Instance);
                break;
            case MqttDisconnectPacket disconnect:
                Disconnect(disconnect);
                break;
            default:
                Fault(MqttDisconnectReasonCode.ProtocolError, $"{packet.GetType().Name} is nothing that is expected here");
                break;
        }
    }

    private void Publish(MqttPublishPacket packet)
    {
        if (connection.ResolveTopic(packet) is not { } topic)
        {
            Fault(MqttDisconnectReasonCode.TopicAliasInvalid, "a topic alias that means nothing");
            return;
        }

        var isAtLeastOnce = packet.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtLeastOnce;
        if (packet.QualityOfServiceLevel > MqttQualityOfServiceLevel.AtLeastOnce)
            Fault(MqttDisconnectReasonCode.QoSNotSupported, "QoS 2");
        else if (TopicRules.CheckTopic(topic) is { } reason)
            Fault(MqttDisconnectReasonCode.TopicNameInvalid, reason);
        else if (packet.Payload.Length > MqttLimits.PayloadBytes)
            Fault(MqttDisconnectReasonCode.PacketTooLarge, "the payload is larger than 128 KB");
        else if (packet.Retain && topic.StartsWith('$'))
            Fault(MqttDisconnectReasonCode.RetainNotSupported, "a retained message on a reserved topic");
        else if (isAtLeastOnce && packet.PacketIdentifier == 0)
            Fault(MqttDisconnectReasonCode.ProtocolError, "packet identifier 0");
        else if (!access.MayPublish(connection.Owner, session.ClientId, topic, packet.Retain))
            connection.End(DisconnectReason.NotAuthorized, "no policy allows to publish to " + topic);
        else if (!rate.TryTake())
        {
            // Not taken: an MQTT 5 client is told so, an older one gets no answer and sends again.
            if (isAtLeastOnce && connection.IsVersion5)
                connection.Send(new MqttPubAckPacket { PacketIdentifier = packet.PacketIdentifier, ReasonCode = MqttPubAckReasonCode.QuotaExceeded });
        }
        else
        {
            router.Route(Publication.Of(packet, topic, session.ClientId, presence.Principal, time.GetUtcNow()));
            if (isAtLeastOnce)
                connection.Send(new MqttPubAckPacket { PacketIdentifier = packet.PacketIdentifier });
        }
    }

    private void Subscribe(MqttSubscribePacket packet)
    {
        if (packet.TopicFilters.Count is 0 or > MqttLimits.FiltersPerSubscribe)
        {
            Fault(MqttDisconnectReasonCode.ProtocolError, $"a SUBSCRIBE of {packet.TopicFilters.Count} topic filters; 1 to 8 are taken");
            return;
        }

        if (packet.PacketIdentifier == 0)
        {
            Fault(MqttDisconnectReasonCode.ProtocolError, "packet identifier 0");
            return;
        }

        // As AWS documents it: whoever asks for QoS 2 gets no SUBACK.
        if (packet.TopicFilters.Exists(f => f.QualityOfServiceLevel > MqttQualityOfServiceLevel.AtLeastOnce))
            return;
        if (packet.SubscriptionIdentifier != 0)
        {
            Fault(MqttDisconnectReasonCode.SubscriptionIdentifiersNotSupported, "a subscription identifier");
            return;
        }

        foreach (var filter in packet.TopicFilters)
        {
            if (TopicRules.CheckFilter(filter.Topic ?? "") is { } reason)
            {
                Fault(MqttDisconnectReasonCode.TopicFilterInvalid, reason);
                return;
            }

            if (!access.MaySubscribe(connection.Owner, session.ClientId, filter.Topic!))
            {
                connection.End(DisconnectReason.NotAuthorized, "no policy allows to subscribe to " + filter.Topic);
                return;
            }
        }

        // The answer names the filters in the order of the question.
        var codes = new List<MqttSubscribeReasonCode>();
        var added = new List<(MqttTopicFilter Filter, bool IsNew)>();
        foreach (var filter in packet.TopicFilters)
        {
            if (!session.IsSubscribed(filter.Topic) && session.SubscriptionCount >= MqttLimits.SubscriptionsPerConnection)
            {
                codes.Add(connection.IsVersion5 ? MqttSubscribeReasonCode.QuotaExceeded : MqttSubscribeReasonCode.UnspecifiedError);
                continue;
            }

            var granted = (int)filter.QualityOfServiceLevel;
            added.Add((filter, router.Subscribe(new Subscription(
                session, filter.Topic, granted, TopicRules.SplitShared(filter.Topic)?.Group, filter.NoLocal, filter.RetainAsPublished))));
            codes.Add(granted == 1 ? MqttSubscribeReasonCode.GrantedQoS1 : MqttSubscribeReasonCode.GrantedQoS0);
        }

        connection.Send(new MqttSubAckPacket { PacketIdentifier = packet.PacketIdentifier, ReasonCodes = codes });
        foreach (var (filter, isNew) in added)
        {
            if (filter.RetainHandling == MqttRetainHandling.SendAtSubscribe
                || (filter.RetainHandling == MqttRetainHandling.SendAtSubscribeIfNewSubscriptionOnly && isNew))
                router.DeliverRetained(session, filter.Topic, (int)filter.QualityOfServiceLevel);
        }

        if (added.Count > 0)
            events.Subscribed(presence, added.Select(a => a.Filter.Topic));
        if (added.Count < packet.TopicFilters.Count)
            Fault(MqttDisconnectReasonCode.QuotaExceeded, $"more than {MqttLimits.SubscriptionsPerConnection} subscriptions");
    }

    private void Unsubscribe(MqttUnsubscribePacket packet)
    {
        if (packet.TopicFilters.Count == 0)
        {
            Fault(MqttDisconnectReasonCode.ProtocolError, "an UNSUBSCRIBE of no topic filter");
            return;
        }

        if (packet.PacketIdentifier == 0)
        {
            Fault(MqttDisconnectReasonCode.ProtocolError, "packet identifier 0");
            return;
        }

        var removed = packet.TopicFilters.ConvertAll(f => router.Unsubscribe(session, f));
        connection.Send(new MqttUnsubAckPacket
        {
            PacketIdentifier = packet.PacketIdentifier,
            ReasonCodes = removed.ConvertAll(r => r ? MqttUnsubscribeReasonCode.Success : MqttUnsubscribeReasonCode.NoSubscriptionExisted),
        });
        events.Unsubscribed(presence, packet.TopicFilters);
    }

    private void Disconnect(MqttDisconnectPacket packet)
    {
        if (connection.IsVersion5 && packet.SessionExpiryInterval != 0 && session.Lifetime == TimeSpan.Zero)
        {
            Fault(MqttDisconnectReasonCode.ProtocolError, "a session that was to end with its connection is not kept at the last moment");
            return;
        }

        if (connection.IsVersion5 && packet.SessionExpiryInterval != 0)
            session.Lifetime = TimeSpan.FromSeconds(Math.Min(packet.SessionExpiryInterval, MqttLimits.LongestSession.TotalSeconds));
        var withWill = packet.ReasonCode == MqttDisconnectReasonCode.DisconnectWithWillMessage;
        connection.End(withWill ? DisconnectReason.ByClientWithWill : DisconnectReason.ByClient, "DISCONNECT");
    }

    private void Fault(MqttDisconnectReasonCode code, string detail) => connection.End(DisconnectReason.Fault(code), detail);
}
