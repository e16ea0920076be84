namespace Keyturn.LocalCloud.Mqtt;

/// <summary>The published limits of the message broker.</summary>
internal static class MqttLimits
{
    public const int PayloadBytes = 128 * 1024;

    /// <summary>A whole packet: the payload, the topic and MQTT 5 properties.</summary>
    public const int PacketBytes = 149_504;

    public const int ClientIdBytes = 128;
    public const int TopicBytes = 256;
    public const int TopicSlashes = 7;
    public const int FiltersPerSubscribe = 8;
    public const int SubscriptionsPerConnection = 50;
    public const ushort TopicAliases = 8;

    /// <summary>Of one connection.</summary>
    public const int PublishesPerSecond = 100;

    /// <summary>QoS 1 messages sent to a client and not acknowledged by it.</summary>
    public const ushort Unacknowledged = 100;

    /// <summary>Seconds. Outside of the range the nearest bound holds; 0 means the upper one.</summary>
    public const ushort ShortestKeepAlive = 30;
    public const ushort LongestKeepAlive = 1200;

    public static readonly TimeSpan PersistentSession = TimeSpan.FromHours(1);
    public static readonly TimeSpan LongestSession = TimeSpan.FromDays(7);

    /// <summary>From the first byte to the end of the handshake, and from there to CONNECT.</summary>
    public static readonly TimeSpan Opening = TimeSpan.FromSeconds(30);

    /// <summary>Messages held for one session while it is away or behind.</summary>
    public const int HeldMessages = 10_000;
}
