using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>Attributes of queues: their limits, and their two forms on the wire.</summary>
internal static class QueueAttributes
{
    private static readonly Dictionary<string, (int Min, int Max, int Otherwise)> Numbers = new(StringComparer.Ordinal)
    {
        ["DelaySeconds"] = (0, 900, 0),
        ["MaximumMessageSize"] = (1024, 262_144, 262_144),
        ["MessageRetentionPeriod"] = (60, 1_209_600, 345_600),
        ["ReceiveMessageWaitTimeSeconds"] = (0, 20, 0),
        ["VisibilityTimeout"] = (0, 43_200, 30),
    };

    private static readonly string[] Texts = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"];

    public static void Check(IReadOnlyDictionary<string, string> attributes)
    {
        foreach (var (name, value) in attributes)
        {
            if (Numbers.TryGetValue(name, out var range))
            {
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < range.Min || number > range.Max)
                    throw new ApiException(400, "InvalidAttributeValue", $"Invalid value for the parameter {name}.");
            }
            else if (!Texts.Contains(name))
            {
                throw new ApiException(400, "InvalidAttributeName", $"Unknown Attribute {name}.");
            }
        }
    }

    public static string? Value(MessageQueue queue, string name) => queue.Attributes.TryGetValue(name, out var value) ? value
        : Numbers.TryGetValue(name, out var number) ? number.Otherwise.ToString(CultureInfo.InvariantCulture)
        : null;

    public static JsonObject Show(MessageQueue queue, SqsRequest request, DateTimeOffset now)
    {
        var wanted = request.AttributeNames("AttributeNames");
        var messages = queue.All;
        var all = new SortedDictionary<string, string>(queue.Attributes, StringComparer.Ordinal)
        {
            ["QueueArn"] = queue.Arn,
            ["CreatedTimestamp"] = $"{queue.Created.ToUnixTimeSeconds()}",
            ["LastModifiedTimestamp"] = $"{queue.Created.ToUnixTimeSeconds()}",
            ["ApproximateNumberOfMessages"] = $"{messages.Count(m => m.VisibleFrom <= now)}",
            ["ApproximateNumberOfMessagesNotVisible"] = $"{messages.Count(m => m.VisibleFrom > now && m.Receives > 0)}",
            ["ApproximateNumberOfMessagesDelayed"] = $"{messages.Count(m => m.VisibleFrom > now && m.Receives == 0)}",
        };
        foreach (var (name, _) in Numbers)
            all[name] = Value(queue, name)!;
        if (wanted.FirstOrDefault(n => n != "All" && !all.ContainsKey(n) && !Texts.Contains(n)) is { } unknown)
            throw new ApiException(400, "InvalidAttributeName", $"Unknown Attribute {unknown}.");
        var shown = new JsonObject();
        Put(shown, all.Where(a => wanted.Contains("All") || wanted.Contains(a.Key)), request.IsJson);
        return shown;
    }

    public static void Put(JsonObject shown, IEnumerable<KeyValuePair<string, string>> attributes, bool json)
    {
        var list = attributes.ToList();
        if (list.Count == 0)
            return;
        if (json)
            shown["Attributes"] = new JsonObject(list.Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value)));
        else
            shown["Attribute"] = new JsonArray([.. list.Select(a => new JsonObject { ["Name"] = a.Key, ["Value"] = a.Value })]);
    }
}
