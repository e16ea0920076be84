using System.Collections.Concurrent;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>The last retained message of each topic. Delivered only to a subscription that names the topic exactly, as AWS IoT does.</summary>
internal sealed class RetainedMessages(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (Publication Message, DateTimeOffset At)> _messages = new(StringComparer.Ordinal);

    /// <summary>An empty payload forgets the topic's message.</summary>
    public void Keep(Publication message)
    {
        if (message.Payload.IsEmpty)
            _messages.TryRemove(message.Topic, out _);
        else
            _messages[message.Topic] = (message, time.GetUtcNow());
    }

    public (Publication Message, DateTimeOffset At)? Find(string topic) =>
        _messages.TryGetValue(topic, out var found) && !(found.Message.ExpiresAt <= time.GetUtcNow()) ? found : null;

    public IEnumerable<(Publication Message, DateTimeOffset At)> All => _messages.Values;
}
