namespace Keyturn.LocalCloud.Mqtt;

/// <summary>
/// Brings each message to the watchers and to the sessions that subscribed to it. One message at a time, so that all see the
/// same order; nobody it calls may block.
/// </summary>
internal sealed class MqttRouter(
    SubscriptionTree subscriptions, DeviceAccess access, IBrokerFaults? faults, TimeProvider time, ILogger logger)
{
    private readonly Lock _order = new();
    private Action<BusMessage>[] _watchers = [];

    public RetainedMessages Retained { get; } = new(time);

    public void Route(Publication message) => Disturb(message.Topic, () => RouteCopy(message));

    /// <summary>Does it once, or as often and as late as the faults have it.</summary>
    public void Disturb(string topic, Action deliver)
    {
        if (faults is null)
        {
            deliver();
            return;
        }

        foreach (var delay in faults.Plan(topic))
        {
            if (delay <= TimeSpan.Zero)
                deliver();
            else
                _ = DeliverLateAsync(delay, deliver);
        }
    }

    private async Task DeliverLateAsync(TimeSpan delay, Action deliver)
    {
        await Task.Delay(delay, time);
        deliver();
    }

    private void RouteCopy(Publication message)
    {
        lock (_order)
        {
            if (message.Retain)
                Retained.Keep(message);
            var shown = message.ToBusMessage();
            foreach (var watcher in _watchers)
                Show(watcher, shown);
            if (ReservedTopics.IsForServiceOnly(message.Topic))
                return;
            foreach (var subscription in subscriptions.Match(message.Topic))
            {
                var session = subscription.Session;
                if (subscription.NoLocal && session.ClientId == message.ClientId)
                    continue;
                if (access.MayReceive(session.Owner, session.ClientId, message.Topic))
                    session.Deliver(message, Math.Min(subscription.QualityOfService, message.QualityOfService), subscription.RetainAsPublished && message.Retain);
            }
        }
    }

    public bool Subscribe(Subscription subscription)
    {
        var isNew = subscription.Session.Add(subscription);
        subscriptions.Add(subscription);
        return isNew;
    }

    public bool Unsubscribe(DeviceSession session, string filter)
    {
        if (session.Remove(filter) is not { } subscription)
            return false;
        subscriptions.Remove(subscription);
        return true;
    }

    public void DeliverRetained(DeviceSession session, string filter, int qualityOfService)
    {
        if (Retained.Find(filter) is { } found && access.MayReceive(session.Owner, session.ClientId, filter))
            session.Deliver(found.Message, Math.Min(qualityOfService, found.Message.QualityOfService), retain: true);
    }

    public IDisposable Watch(Action<BusMessage> watcher)
    {
        lock (_order)
            _watchers = [.. _watchers, watcher];
        return new Watching(this, watcher);
    }

    private void Show(Action<BusMessage> watcher, BusMessage message)
    {
        try
        {
            watcher(message);
        }
        catch (Exception e)
        {
            // The broker's loop goes on: the message reaches everybody else.
            logger.WatcherFailed(e, message.Topic);
        }
    }

    private sealed class Watching(MqttRouter router, Action<BusMessage> watcher) : IDisposable
    {
        public void Dispose()
        {
            lock (router._order)
                router._watchers = [.. router._watchers.Where(w => w != watcher)];
        }
    }
}
