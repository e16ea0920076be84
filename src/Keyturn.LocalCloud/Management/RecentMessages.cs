using System.Text;
using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Management;

/// <summary>The last messages on the bus, for the page.</summary>
internal sealed class RecentMessages(TimeProvider time)
{
    private const int Kept = 50;
    private readonly Lock _gate = new();
    private readonly Queue<string[]> _messages = new(Kept);

    public IReadOnlyList<IReadOnlyList<string>> All
    {
        get
        {
            lock (_gate)
                return [.. _messages.Reverse()];
        }
    }

    public void Add(BusMessage message)
    {
        var shown = Encoding.UTF8.GetString(message.Payload.Span[..Math.Min(message.Payload.Length, 200)]);
        lock (_gate)
        {
            if (_messages.Count == Kept)
                _messages.Dequeue();
            _messages.Enqueue([$"{time.GetUtcNow():HH:mm:ss.fff}", message.Topic, message.ClientId ?? "", shown]);
        }
    }
}
