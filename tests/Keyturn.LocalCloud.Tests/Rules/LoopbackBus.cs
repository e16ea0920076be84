using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Tests.Rules;

/// <summary>A bus without clients: what is published goes to the watchers, and is kept.</summary>
internal sealed class LoopbackBus : IMessageBus
{
    private readonly List<Action<BusMessage>> _watchers = [];

    public List<BusMessage> Published { get; } = [];

    public ValueTask PublishAsync(BusMessage message, CancellationToken cancellation = default)
    {
        lock (Published)
            Published.Add(message);
        foreach (var watcher in _watchers.ToList())
            watcher(message);
        return ValueTask.CompletedTask;
    }

    public ValueTask ReplyAsync(string clientId, string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation = default) =>
        ValueTask.CompletedTask;

    public IDisposable Watch(Action<BusMessage> watcher)
    {
        _watchers.Add(watcher);
        return new Watching(() => _watchers.Remove(watcher));
    }

    private sealed class Watching(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
