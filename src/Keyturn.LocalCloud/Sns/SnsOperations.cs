using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sns;

/// <summary>The SNS API (query protocol).</summary>
internal sealed partial class SnsOperations(SnsService sns)
{
    private const int PageSize = 100;
    private const int MaxMessage = 256 * 1024;

    public IEnumerable<ApiOperation> All =>
    [
        Operation("CreateTopic", CreateTopic),
        Operation("DeleteTopic", DeleteTopic),
        Operation("ListTopics", r => Page(r, "Topics", sns.Topics, t => t.Arn, t => new JsonObject { ["TopicArn"] = t.Arn })),
        Operation("GetTopicAttributes", GetTopicAttributes),
        Operation("SetTopicAttributes", SetTopicAttributes),
        Operation("Subscribe", Subscribe),
        Operation("ConfirmSubscription", Confirm),
        Operation("Unsubscribe", Unsubscribe),
        Operation("ListSubscriptions", r => Page(r, "Subscriptions", sns.Subscriptions, s => s.Arn, Show)),
        Operation("ListSubscriptionsByTopic", ListByTopic),
        Operation("GetSubscriptionAttributes", GetSubscriptionAttributes),
        Operation("SetSubscriptionAttributes", SetSubscriptionAttributes),
        Operation("Publish", Publish),
    ];

    private static ApiOperation Operation(string name, Func<ApiRequest, JsonObject?> answer) =>
        new("sns", name, "POST", name, (request, _) => ValueTask.FromResult(new ApiResponse(Json: answer(request))));

    private JsonObject CreateTopic(ApiRequest request)
    {
        var name = Required(request, "Name");
        if (!TopicName().IsMatch(name))
            throw SnsService.Invalid("Topic Name");
        var topic = sns.Create(name);
        foreach (var (key, value) in QueryForm.Map(request, "Attributes"))
            topic.Attributes[key] = value;
        return new JsonObject { ["TopicArn"] = topic.Arn };
    }

    private JsonObject? DeleteTopic(ApiRequest request)
    {
        sns.Delete(Required(request, "TopicArn"));
        return null;
    }

    private JsonObject GetTopicAttributes(ApiRequest request)
    {
        var topic = sns.Find(Required(request, "TopicArn"));
        var subscriptions = sns.Subscriptions.Where(s => s.TopicArn == topic.Arn).ToList();
        var attributes = new SortedDictionary<string, string>(topic.Attributes, StringComparer.Ordinal)
        {
            ["TopicArn"] = topic.Arn,
            ["Owner"] = CloudAccount.Local.Id,
            ["SubscriptionsConfirmed"] = $"{subscriptions.Count(s => s.Confirmed)}",
            ["SubscriptionsPending"] = $"{subscriptions.Count(s => !s.Confirmed)}",
            ["SubscriptionsDeleted"] = "0",
        };
        return new JsonObject { ["Attributes"] = QueryForm.Show(attributes) };
    }

    private JsonObject? SetTopicAttributes(ApiRequest request)
    {
        var (topic, name) = (sns.Find(Required(request, "TopicArn")), Required(request, "AttributeName"));
        var value = request.Query["AttributeValue"].FirstOrDefault() ?? "";
        if (name == "SignatureVersion" && value is not ("1" or "2"))
            throw SnsService.Invalid("SignatureVersion");
        topic.Attributes[name] = value;
        return null;
    }

    private JsonObject Subscribe(ApiRequest request)
    {
        var topic = sns.Find(Required(request, "TopicArn"));
        var protocol = Required(request, "Protocol");
        var endpoint = request.Query["Endpoint"].FirstOrDefault() ?? "";
        switch (protocol)
        {
            case "http" or "https" when !Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme != protocol:
                throw SnsService.Invalid("Endpoint must match the specified protocol");
            case "http" or "https" when !new Uri(endpoint).IsLoopback:
                throw SnsService.Invalid("Endpoint: this cloud delivers to the loopback interface only, such as http://127.0.0.1:PORT/");
            case "email" or "email-json" when !endpoint.Contains('@', StringComparison.Ordinal):
                throw SnsService.Invalid("Email address");
            case "http" or "https" or "email" or "email-json":
                break;
            default:
                throw SnsService.Invalid($"Does not support this protocol: {protocol} (this cloud delivers to http and https)");
        }

        var raw = QueryForm.Map(request, "Attributes").GetValueOrDefault("RawMessageDelivery") == "true";
        var subscription = sns.Subscribe(topic, protocol, endpoint, raw);
        var shown = subscription.Confirmed || request.Query["ReturnSubscriptionArn"].FirstOrDefault() == "true";
        return new JsonObject { ["SubscriptionArn"] = shown ? subscription.Arn : "pending confirmation" };
    }

    private JsonObject Confirm(ApiRequest request) =>
        new() { ["SubscriptionArn"] = sns.Confirm(sns.Find(Required(request, "TopicArn")), Required(request, "Token")).Arn };

    private JsonObject? Unsubscribe(ApiRequest request)
    {
        sns.Unsubscribe(Required(request, "SubscriptionArn"));
        return null;
    }

    private JsonObject ListByTopic(ApiRequest request)
    {
        var topic = sns.Find(Required(request, "TopicArn"));
        return Page(request, "Subscriptions", sns.Subscriptions.Where(s => s.TopicArn == topic.Arn), s => s.Arn, Show);
    }

    private JsonObject GetSubscriptionAttributes(ApiRequest request)
    {
        var subscription = sns.FindSubscription(Required(request, "SubscriptionArn"));
        return new JsonObject
        {
            ["Attributes"] = QueryForm.Show(new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["SubscriptionArn"] = subscription.Arn,
                ["TopicArn"] = subscription.TopicArn,
                ["Protocol"] = subscription.Protocol,
                ["Endpoint"] = subscription.Endpoint,
                ["Owner"] = CloudAccount.Local.Id,
                ["PendingConfirmation"] = subscription.Confirmed ? "false" : "true",
                ["RawMessageDelivery"] = subscription.RawDelivery ? "true" : "false",
            }),
        };
    }

    private JsonObject? SetSubscriptionAttributes(ApiRequest request)
    {
        var subscription = sns.FindSubscription(Required(request, "SubscriptionArn"));
        var name = Required(request, "AttributeName");
        if (name != "RawMessageDelivery")
            throw SnsService.Invalid($"AttributeName: this cloud keeps RawMessageDelivery only, not {name}");
        sns.Change(subscription with { RawDelivery = request.Query["AttributeValue"].FirstOrDefault() == "true" });
        return null;
    }

    private JsonObject Publish(ApiRequest request)
    {
        var arn = request.Query["TopicArn"].FirstOrDefault() ?? request.Query["TargetArn"].FirstOrDefault()
            ?? throw SnsService.Invalid("TopicArn or TargetArn Reason: no value for required parameter");
        var topic = sns.Find(arn);
        var message = Required(request, "Message");
        var subject = request.Query["Subject"].FirstOrDefault();
        if (message.Length == 0)
            throw SnsService.Invalid("Empty message");
        if (Encoding.UTF8.GetByteCount(message) > MaxMessage)
            throw SnsService.Invalid("Message too long");
        if (subject is not null && (subject.Length is 0 or > 100 || subject.Any(c => c is < ' ' or > '~')))
            throw SnsService.Invalid("Subject");
        if (request.Query["MessageStructure"].FirstOrDefault() is { } structure)
            message = DefaultOf(structure, message);
        var notification = sns.Publish(topic, subject, message, Attributes(request));
        return new JsonObject { ["MessageId"] = notification.MessageId };
    }

    public static string DefaultOf(string structure, string message)
    {
        if (structure != "json")
            throw SnsService.Invalid("MessageStructure");
        try
        {
            return (JsonNode.Parse(message) as JsonObject)?["default"] is { } text && text.GetValueKind() == JsonValueKind.String
                ? text.GetValue<string>()
                : throw SnsService.Invalid("Message Structure - No default entry in JSON message body");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw SnsService.Invalid("Message Structure - JSON message body failed to parse");
        }
    }

    private static Dictionary<string, MessageAttribute> Attributes(ApiRequest request)
    {
        var attributes = new Dictionary<string, MessageAttribute>(StringComparer.Ordinal);
        foreach (var entry in QueryForm.Entries(request, "MessageAttributes.entry"))
        {
            var name = entry.GetValueOrDefault("Name") ?? throw SnsService.Invalid("MessageAttributes: an entry has no Name");
            var type = entry.GetValueOrDefault("Value.DataType") ?? throw SnsService.Invalid($"The message attribute '{name}' must contain non-empty message attribute type.");
            var value = type.StartsWith("Binary", StringComparison.Ordinal) ? entry.GetValueOrDefault("Value.BinaryValue") : entry.GetValueOrDefault("Value.StringValue");
            if (string.IsNullOrEmpty(value))
                throw SnsService.Invalid($"The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{type}'.");
            attributes[name] = new MessageAttribute(type, value);
        }

        return attributes;
    }

    private static JsonObject Page<T>(ApiRequest request, string member, IEnumerable<T> ordered, Func<T, string> key, Func<T, JsonNode> show)
    {
        var token = request.Query["NextToken"].FirstOrDefault();
        var rest = ordered.Where(e => string.IsNullOrEmpty(token) || string.CompareOrdinal(key(e), token) > 0).Take(PageSize + 1).ToList();
        var answer = new JsonObject { [member] = new JsonArray([.. rest.Take(PageSize).Select(show)]) };
        if (rest.Count > PageSize)
            answer["NextToken"] = key(rest[PageSize - 1]);
        return answer;
    }

    private static JsonObject Show(Subscription subscription) => new()
    {
        ["SubscriptionArn"] = subscription.Confirmed ? subscription.Arn : "PendingConfirmation",
        ["Owner"] = CloudAccount.Local.Id,
        ["Protocol"] = subscription.Protocol,
        ["Endpoint"] = subscription.Endpoint,
        ["TopicArn"] = subscription.TopicArn,
    };

    private static string Required(ApiRequest request, string name) =>
        request.Query[name].FirstOrDefault() ?? throw new ApiException(400, "ValidationError", $"1 validation error detected: Value null at '{char.ToLowerInvariant(name[0])}{name[1..]}' failed to satisfy constraint: Member must not be null");

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,256}\z")]
    private static partial Regex TopicName();
}
