using System.Security.Cryptography;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>One standard queue. A message that is received is hidden until its visibility timeout ends, or it is deleted.</summary>
internal sealed class MessageQueue(string name, DateTimeOffset created)
{
    /// <summary>What a queue of nobody's reading keeps; AWS keeps for days.</summary>
    private const int Kept = 10_000;

    private readonly Lock _gate = new();
    private readonly List<QueuedMessage> _messages = [];

    public string Name { get; } = name;

    public string Arn => QueueStore.Arn(Name);

    public DateTimeOffset Created { get; } = created;

    /// <summary>Those that SetQueueAttributes sets.</summary>
    public SortedDictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    public DateTimeOffset? Purged { get; private set; }

    public IReadOnlyList<QueuedMessage> All
    {
        get
        {
            lock (_gate)
                return [.. _messages];
        }
    }

    public TimeSpan Setting(string attribute, int otherwise) =>
        TimeSpan.FromSeconds(Attributes.TryGetValue(attribute, out var value) && int.TryParse(value, out var seconds) ? seconds : otherwise);

    public QueuedMessage Send(string body, TimeSpan delay, DateTimeOffset now)
    {
        var message = new QueuedMessage(Guid.NewGuid().ToString(), body, now) { VisibleFrom = now + delay };
        lock (_gate)
        {
            _messages.Add(message);
            if (_messages.Count > Kept)
                _messages.RemoveAt(0);
        }

        return message;
    }

    public IReadOnlyList<QueuedMessage> Receive(int most, TimeSpan hidden, DateTimeOffset now)
    {
        lock (_gate)
        {
            Expire(now);
            var taken = _messages.Where(m => m.VisibleFrom <= now).Take(most).ToList();
            foreach (var message in taken)
            {
                message.VisibleFrom = now + hidden;
                message.Receives++;
                message.FirstReceived ??= now;
                message.ReceiptHandle = Convert.ToBase64String(RandomNumberGenerator.GetBytes(48));
            }

            return taken;
        }
    }

    /// <returns>False when the handle is of no message that is here.</returns>
    public bool Delete(string handle)
    {
        lock (_gate)
            return _messages.RemoveAll(m => m.ReceiptHandle == handle) > 0;
    }

    /// <returns>Null when the handle is of no message that is here, false when the message is not being worked on.</returns>
    public bool? Hide(string handle, TimeSpan hidden, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_messages.FirstOrDefault(m => m.ReceiptHandle == handle) is not { } message)
                return null;
            if (message.VisibleFrom <= now)
                return false;
            message.VisibleFrom = now + hidden;
            return true;
        }
    }

    public void Purge(DateTimeOffset now)
    {
        lock (_gate)
        {
            _messages.Clear();
            Purged = now;
        }
    }

    private void Expire(DateTimeOffset now)
    {
        var oldest = now - Setting("MessageRetentionPeriod", 345_600);
        _messages.RemoveAll(m => m.Sent < oldest);
    }
}

internal sealed class QueuedMessage(string id, string body, DateTimeOffset sent)
{
    public string Id { get; } = id;

    public string Body { get; } = body;

    public DateTimeOffset Sent { get; } = sent;

    public required DateTimeOffset VisibleFrom { get; set; }

    public int Receives { get; set; }

    public DateTimeOffset? FirstReceived { get; set; }

    /// <summary>Of the last receipt: earlier ones have lost their force.</summary>
    public string? ReceiptHandle { get; set; }
}
