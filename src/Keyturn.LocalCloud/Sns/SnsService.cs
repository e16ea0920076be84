using System.Collections.Concurrent;
using System.Security.Cryptography;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sns;

/// <summary>Topics, subscriptions, and a log of everything published.</summary>
internal sealed class SnsService(TimeProvider time, ILoggerFactory logs) : IAsyncDisposable
{
    private const int Kept = 10_000;

    private readonly ILogger _log = logs.CreateLogger("Sns");
    private readonly ConcurrentDictionary<string, NotificationTopic> _topics = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Subscription> _subscriptions = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Notification> _published = new();
    private readonly HttpDelivery _delivery = new(time, logs.CreateLogger("Sns"));

    public MessageSigner Signer { get; } = new(time);

    /// <summary>Base of the URLs in messages: where this API listens.</summary>
    public string ApiUrl { get; set; } = "";

    public IEnumerable<NotificationTopic> Topics => _topics.Values.OrderBy(t => t.Arn, StringComparer.Ordinal);

    public IEnumerable<Subscription> Subscriptions => _subscriptions.Values.OrderBy(s => s.Arn, StringComparer.Ordinal);

    public IReadOnlyList<Notification> Published => [.. _published];

    public NotificationTopic Create(string name) => _topics.GetOrAdd(CloudAccount.Local.Arn("sns", name), _ => new NotificationTopic(name));

    public NotificationTopic Find(string arn)
    {
        if (!arn.StartsWith("arn:aws:sns:", StringComparison.Ordinal) || arn.Split(':').Length != 6)
            throw Invalid($"TopicArn Reason: An ARN must have at least 6 elements, not {arn.Split(':').Length}");
        return _topics.GetValueOrDefault(arn) ?? throw NotFound("Topic does not exist");
    }

    public void Delete(string arn)
    {
        // Deleting a topic that is not there is no error on SNS.
        _topics.TryRemove(arn, out _);
        foreach (var subscription in _subscriptions.Values.Where(s => s.TopicArn == arn))
            _subscriptions.TryRemove(subscription.Arn, out _);
    }

    public Subscription Subscribe(NotificationTopic topic, string protocol, string endpoint, bool raw)
    {
        // The same subscription again gives the same ARN.
        if (_subscriptions.Values.FirstOrDefault(s => s.TopicArn == topic.Arn && s.Protocol == protocol && s.Endpoint == endpoint) is { } existing)
            return existing;
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(64));
        var subscription = new Subscription(topic.Arn, protocol, endpoint, token, raw);
        _subscriptions[subscription.Arn] = subscription;
        if (protocol is "http" or "https")
            _delivery.Enqueue(new SnsMessages(Signer).Confirmation(subscription, topic.SignatureVersion, ApiUrl, time.GetUtcNow()));
        return subscription;
    }

    public Subscription Confirm(NotificationTopic topic, string token)
    {
        var found = _subscriptions.Values.FirstOrDefault(s => s.TopicArn == topic.Arn && s.Token == token) ?? throw Invalid("Token");
        _subscriptions[found.Arn] = found with { Confirmed = true };
        return found;
    }

    public Subscription FindSubscription(string arn) => _subscriptions.GetValueOrDefault(arn) ?? throw NotFound("Subscription does not exist");

    public void Change(Subscription subscription) => _subscriptions[subscription.Arn] = subscription;

    /// <summary>Unsubscribing what is not subscribed is no error on SNS.</summary>
    public void Unsubscribe(string arn) => _subscriptions.TryRemove(arn, out _);

    public Notification Publish(
        NotificationTopic topic, string? subject, string message, IReadOnlyDictionary<string, MessageAttribute> attributes)
    {
        var notification = new Notification(Guid.NewGuid().ToString(), topic.Arn, subject, message, attributes, time.GetUtcNow());
        _published.Enqueue(notification);
        while (_published.Count > Kept)
            _published.TryDequeue(out _);
        var receivers = _subscriptions.Values.Where(s => s.TopicArn == topic.Arn && s.Confirmed).ToList();
        foreach (var subscription in receivers.Where(s => s.Protocol is "http" or "https"))
            _delivery.Enqueue(new SnsMessages(Signer).Notification(subscription, notification, topic.SignatureVersion, ApiUrl));
        _log.SnsPublished(topic.Name, subject ?? "", receivers.Count);
        return notification;
    }

    public async ValueTask DisposeAsync()
    {
        await _delivery.DisposeAsync();
        Signer.Dispose();
    }

    public static ApiException Invalid(string reason) => new(400, "InvalidParameter", $"Invalid parameter: {reason}");

    public static ApiException NotFound(string message) => new(404, "NotFound", message);
}
