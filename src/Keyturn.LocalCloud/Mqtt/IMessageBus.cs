namespace Keyturn.LocalCloud.Mqtt;

/// <summary>A message on its way through the cloud. Who sent it is what <c>principal()</c> and <c>clientid()</c> read.</summary>
/// <param name="ClientId">Null unless it came over MQTT.</param>
/// <param name="Principal">The certificate id of the connection; null when a service of the cloud itself published.</param>
/// <param name="QualityOfService">0 or 1; subscribers get it at no more than what they asked for.</param>
internal sealed record BusMessage(
    string Topic, ReadOnlyMemory<byte> Payload, string? ClientId = null, string? Principal = null, int QualityOfService = 1);

/// <summary>Publishes into the broker, and shows every published message to those who watch: the rules engine, the page.</summary>
internal interface IMessageBus
{
    /// <summary>To every client whose subscription matches, and to the watchers.</summary>
    ValueTask PublishAsync(BusMessage message, CancellationToken cancellation = default);

    /// <summary>To one client only, with no subscription needed, unseen by rules: how AWS IoT answers Jobs requests.</summary>
    ValueTask ReplyAsync(string clientId, string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation = default);

    /// <summary>Called for every message that a rule may see, in order of arrival. Must not block.</summary>
    IDisposable Watch(Action<BusMessage> watcher);
}
