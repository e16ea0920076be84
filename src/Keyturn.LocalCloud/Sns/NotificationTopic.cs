using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Sns;

internal sealed class NotificationTopic(string name)
{
    public string Name { get; } = name;

    public string Arn => CloudAccount.Local.Arn("sns", Name);

    public ConcurrentDictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    public string SignatureVersion => Attributes.GetValueOrDefault(nameof(SignatureVersion)) ?? "1";

    /// <summary>Resource policies; without any, the account itself may publish.</summary>
    public ConcurrentQueue<Iam.IamPolicy> Policies { get; } = new();
}

/// <param name="Token">What the endpoint has to give back to confirm.</param>
internal sealed record Subscription(string TopicArn, string Protocol, string Endpoint, string Token, bool RawDelivery)
{
    public string Arn { get; } = $"{TopicArn}:{Guid.NewGuid()}";

    public bool Confirmed { get; init; }
}

/// <summary>A message as it was published: one line of <c>/notifications</c>.</summary>
internal sealed record Notification(
    string MessageId, string TopicArn, string? Subject, string Message, IReadOnlyDictionary<string, MessageAttribute> Attributes, DateTimeOffset Timestamp)
{
    public JsonObject Show() => new()
    {
        ["topicArn"] = TopicArn,
        ["subject"] = Subject,
        ["message"] = Message,
        ["attributes"] = new JsonObject(Attributes.Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value.Value))),
        ["timestamp"] = Timestamp.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", null),
    };
}

/// <param name="Value">Text, or base64 for Binary.</param>
internal sealed record MessageAttribute(string DataType, string Value);
