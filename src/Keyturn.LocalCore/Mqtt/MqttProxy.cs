using System.Buffers;
using Keyturn.LocalCore.Configuration;
using Microsoft.Extensions.Logging;
using MQTTnet;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Mqtt;

/// <summary>A component's subscription; its callback gets each message that its filter covers.</summary>
internal sealed record Subscription(string Filter, Action<string, byte[]> Callback);

/// <summary>
/// The nucleus's one MQTT link, shared by all components: client id thing name, then thing#2, thing#3 … past 50
/// subscriptions each. Messages are fanned out by topic filter, whoever asked for them.
/// </summary>
internal sealed class MqttProxy : IAsyncDisposable
{
    private const int SubscriptionsPerConnection = 50;
    private const int MaxPublishAttempts = 100;

    private static readonly TimeSpan RebuildInterval = TimeSpan.FromSeconds(5);

    private readonly NucleusSettings settings;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Lock gate = new();
    private readonly List<MqttConnection> connections = [];
    private readonly Dictionary<Subscription, MqttConnection> subscriptions = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, MqttConnection> cloudFilters = [];
    private readonly Spool spool;
    private readonly CancellationTokenSource stopping = new();
    private TaskCompletionSource online = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task working = Task.CompletedTask;
    private int turn;

    public MqttProxy(NucleusSettings settings, TimeProvider time, ILogger log)
    {
        (this.settings, this.time, this.log) = (settings, time, log);
        spool = new(settings.MaxSpoolBytes);
    }

    /// <summary>Raised when a connection is there, again or for the first time.</summary>
    public event Action? Connected;

    public void Start() => working = Task.WhenAll(KeepBuildingAsync(stopping.Token), DrainSpoolAsync(stopping.Token));

    /// <exception cref="MqttRequestException">The topic is not one, or AWS IoT refused or is not reachable.</exception>
    /// <exception cref="CredentialException">No client can be built from the files.</exception>
    public async Task SubscribeAsync(Subscription subscription, MqttQualityOfServiceLevel qos, CancellationToken cancellation)
    {
        if (TopicFilter.Problem(subscription.Filter, publishing: false) is { } problem)
            throw new MqttRequestException(problem);
        MqttConnection connection;
        lock (gate)
        {
            // Covered by what another subscription already brought: nothing is said to the cloud.
            if (cloudFilters.FirstOrDefault(f => TopicFilter.Covers(f.Key, subscription.Filter)) is { Value: { } existing })
            {
                subscriptions[subscription] = existing;
                return;
            }
            connection = ConnectionFor(subscribing: true);
            subscriptions[subscription] = connection;
        }
        try
        {
            await connection.SubscribeAsync(subscription.Filter, qos, cancellation).ConfigureAwait(false);
            lock (gate)
                cloudFilters[subscription.Filter] = connection;
        }
        catch
        {
            lock (gate)
                subscriptions.Remove(subscription);
            throw;
        }
    }

    public async Task UnsubscribeAsync(Subscription subscription, CancellationToken cancellation)
    {
        List<KeyValuePair<string, MqttConnection>> dead;
        lock (gate)
        {
            subscriptions.Remove(subscription);
            dead = [.. cloudFilters.Where(f => !subscriptions.Keys.Any(s => TopicFilter.Covers(f.Key, s.Filter)))];
            foreach (var (filter, _) in dead)
                cloudFilters.Remove(filter);
        }
        foreach (var (filter, connection) in dead)
            await connection.UnsubscribeAsync(filter, cancellation).ConfigureAwait(false);
    }

    /// <summary>Success means spooled, not sent.</summary>
    /// <exception cref="MqttRequestException">It can't be spooled.</exception>
    public void Publish(string topic, byte[] payload, MqttQualityOfServiceLevel qos)
    {
        if (payload.Length > settings.MaxMessageBytes)
            throw new MqttRequestException($"The publishing message size {payload.Length} bytes exceeds the configured limit of {settings.MaxMessageBytes} bytes");
        if (TopicFilter.Problem(topic, publishing: true) is { } problem)
            throw new MqttRequestException(problem);
        if (qos == MqttQualityOfServiceLevel.AtMostOnce && !settings.KeepQos0WhenOffline && !IsOnline())
            throw new MqttRequestException("Device is offline. Dropping QoS 0 message.");
        spool.Add(new(topic, payload, qos));
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await working.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(connections.Select(c => c.DisposeAsync().AsTask())).ConfigureAwait(false);
        spool.Dispose();
        stopping.Dispose();
    }

    private bool IsOnline()
    {
        lock (gate)
            return connections.Any(c => c.IsOnline);
    }

    private MqttConnection ConnectionFor(bool subscribing)
    {
        lock (gate)
        {
            var open = connections.Where(c => !subscribing || c.SubscriptionCount < SubscriptionsPerConnection).ToList();
            if (open.Count > 0)
                return subscribing ? open[0] : open[(int)((uint)turn++ % open.Count)];
            var clientId = connections.Count == 0 ? settings.ThingName : $"{settings.ThingName}#{connections.Count + 1}";
            var connection = new MqttConnection(clientId, settings, time, log, Deliver);
            connection.OnlineChanged += OnOnlineChanged;
            connections.Add(connection);
            return connection;
        }
    }

    private void OnOnlineChanged(bool isOnline)
    {
        lock (gate)
        {
            if (isOnline)
                online.TrySetResult();
            else if (online.Task.IsCompleted && !IsOnline())
                online = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        if (isOnline)
            Connected?.Invoke();
        if (!isOnline && !settings.KeepQos0WhenOffline)
            spool.DropQos0();
    }

    private void Deliver(MqttConnection connection, MqttApplicationMessage message)
    {
        List<Subscription> receivers;
        lock (gate)
        {
            var covering = subscriptions.Where(s => TopicFilter.Covers(s.Key.Filter, message.Topic)).ToList();
            receivers = [.. covering.Where(s => s.Value == connection).Select(s => s.Key)];
            // Replies to Jobs requests reach the client that published, which needn't be the one that subscribed.
            if (receivers.Count == 0)
                receivers = [.. covering.Select(s => s.Key)];
        }
        if (receivers.Count == 0)
            log.MqttMessageUnclaimed(message.Topic);
        var payload = message.Payload.ToArray();
        foreach (var receiver in receivers)
            receiver.Callback(message.Topic, payload);
    }

    /// <summary>The nucleus has business of its own with the cloud, so it connects whether or not a component asks.</summary>
    private async Task KeepBuildingAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                ConnectionFor(subscribing: false).Build();
                return;
            }
            catch (CredentialException problem)
            {
                log.MqttClientNotBuilt(problem.Message);
            }
            await Task.Delay(RebuildInterval, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task DrainSpoolAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            Spooled? message = null;
            try
            {
                message = await spool.TakeAsync(cancellation).ConfigureAwait(false);
                Task reachable;
                lock (gate)
                    reachable = online.Task;
                await reachable.WaitAsync(cancellation).ConfigureAwait(false);
                await ConnectionFor(subscribing: false).PublishAsync(message, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (MqttRequestException problem)
            {
                log.MqttPublishFailed(message!.Topic, problem.Message);
                if (message.Qos != MqttQualityOfServiceLevel.AtMostOnce && message.Attempts < MaxPublishAttempts)
                    spool.PutBack(message with { Attempts = message.Attempts + 1 });
                await Task.Delay(TimeSpan.FromMilliseconds(200), time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
