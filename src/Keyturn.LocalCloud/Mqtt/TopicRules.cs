using System.Text;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>What AWS IoT accepts as a topic and as a topic filter. Each check gives the reason for a refusal, or null.</summary>
internal static class TopicRules
{
    private const string BasicIngest = "$aws/rules/";
    private const string SharedSubscription = "$share/";

    /// <summary>What the decoder puts in the place of bytes that are not UTF-8.</summary>
    private const char Undecodable = '\uFFFD';

    public static string? CheckTopic(string topic)
    {
        if (topic.Length == 0)
            return "the topic is empty";
        if (topic.AsSpan().ContainsAny('+', '#', '\0'))
            return "the topic holds a wildcard";
        if (topic.Contains(Undecodable))
            return "the topic is not UTF-8";
        if (CheckSize(Counted(topic)) is { } size)
            return size;
        return !topic.StartsWith('$') || ReservedTopics.MayPublish(topic) ? null : "the topic is reserved";
    }

    public static string? CheckFilter(string filter)
    {
        if (SplitShared(filter) is not { } split)
            return "the shared subscription names no group or no filter";
        var inner = split.Filter;
        if (inner.Length == 0 || inner.Contains('\0', StringComparison.Ordinal))
            return "the topic filter is empty";
        if (inner.Contains(Undecodable))
            return "the topic filter is not UTF-8";
        var levels = inner.Split('/');
        for (var i = 0; i < levels.Length; i++)
        {
            if (levels[i].Length > 1 && levels[i].AsSpan().ContainsAny('+', '#'))
                return "a wildcard shares its level";
            if (levels[i] == "#" && i < levels.Length - 1)
                return "# is not at the end";
        }

        if (CheckSize(inner) is { } size)
            return size;
        return !inner.StartsWith('$') || ReservedTopics.MaySubscribe(inner) ? null : "the topic filter is reserved";
    }

    /// <summary>A plain filter has no group. Null when <c>$share/</c> is followed by something else than a group and a filter.</summary>
    public static (string? Group, string Filter)? SplitShared(string filter)
    {
        if (!filter.StartsWith(SharedSubscription, StringComparison.Ordinal))
            return (null, filter);
        var rest = filter[SharedSubscription.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == rest.Length - 1 || rest.AsSpan(0, slash).ContainsAny('+', '#'))
            return null;
        return (rest[..slash], rest[(slash + 1)..]);
    }

    private static string? CheckSize(string counted)
    {
        if (Encoding.UTF8.GetByteCount(counted) > MqttLimits.TopicBytes)
            return $"the topic is longer than {MqttLimits.TopicBytes} bytes";
        return counted.Count(c => c == '/') > MqttLimits.TopicSlashes ? $"the topic has more than {MqttLimits.TopicSlashes} slashes" : null;
    }

    /// <summary>The first three levels of basic ingest don't count.</summary>
    private static string Counted(string topic)
    {
        if (!topic.StartsWith(BasicIngest, StringComparison.Ordinal))
            return topic;
        var slash = topic.IndexOf('/', BasicIngest.Length);
        return slash < 0 ? "" : topic[(slash + 1)..];
    }
}
