using System.Collections.Concurrent;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>The queues of the account.</summary>
internal sealed class QueueStore(TimeProvider time, Func<string> apiUrl)
{
    private readonly ConcurrentDictionary<string, MessageQueue> _queues = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _queues.Keys.Order(StringComparer.Ordinal);

    public static string Arn(string name) => CloudAccount.Local.Arn("sqs", name);

    /// <summary>SDKs send their requests to the queue's URL, whatever their endpoint: it has to lead here.</summary>
    public string Url(string name) => $"{apiUrl()}/{CloudAccount.Local.Id}/{name}";

    public MessageQueue Add(string name) => _queues.GetOrAdd(name, n => new MessageQueue(n, time.GetUtcNow()));

    public bool Remove(string name) => _queues.TryRemove(name, out _);

    public IReadOnlyList<QueuedMessage> Messages(string name) => _queues.TryGetValue(name, out var queue) ? queue.All : [];

    /// <param name="nameArnOrUrl">An ARN and a URL end in the queue's name.</param>
    public MessageQueue? Find(string nameArnOrUrl) => _queues.GetValueOrDefault(nameArnOrUrl[(nameArnOrUrl.LastIndexOfAny([':', '/']) + 1)..]);

    /// <returns>False when there is no such queue.</returns>
    public bool Send(string arnOrUrl, string body)
    {
        if (Find(arnOrUrl) is not { } queue)
            return false;
        queue.Send(body, TimeSpan.Zero, time.GetUtcNow());
        return true;
    }
}
