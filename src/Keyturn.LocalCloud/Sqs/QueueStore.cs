using System.Collections.Concurrent;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>Queues, as the places where undeliverable events end.</summary>
internal sealed class QueueStore(TimeProvider time)
{
    private const int Kept = 1000;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<QueuedMessage>> _queues = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _queues.Keys.Order(StringComparer.Ordinal);

    public static string Arn(string name) => CloudAccount.Local.Arn("sqs", name);

    public static string Url(string name) => $"https://sqs.{CloudAccount.Local.Region}.amazonaws.com/{CloudAccount.Local.Id}/{name}";

    public void Add(string name) => _queues.TryAdd(name, new());

    public IReadOnlyList<QueuedMessage> Messages(string name) => _queues.TryGetValue(name, out var queue) ? [.. queue] : [];

    /// <param name="arnOrUrl">Either ends in the queue's name.</param>
    /// <returns>False when there is no such queue.</returns>
    public bool Send(string arnOrUrl, string body)
    {
        if (!_queues.TryGetValue(arnOrUrl[(arnOrUrl.LastIndexOfAny([':', '/']) + 1)..], out var queue))
            return false;
        queue.Enqueue(new QueuedMessage(Guid.NewGuid().ToString(), body, time.GetUtcNow()));
        while (queue.Count > Kept)
            queue.TryDequeue(out _);
        return true;
    }
}

internal sealed record QueuedMessage(string Id, string Body, DateTimeOffset Sent);
