namespace Keyturn.LocalCore.Mqtt;

/// <summary>MQTT topic filters as the nucleus compares them.</summary>
internal static class TopicFilter
{
    public const int MaxSlashes = 7;
    public const int MaxLength = 256;
    public const int MaxReservedLength = 512;

    /// <summary>Whether every topic that <paramref name="topic"/> covers (a topic or a filter) is covered by <paramref name="filter"/>.</summary>
    public static bool Covers(string filter, string topic)
    {
        if (filter == topic)
            return true;
        var wide = filter.Split('/');
        var narrow = topic.Split('/');
        for (var i = 0; i < Math.Min(wide.Length, narrow.Length); i++)
        {
            if (wide[i] == "#")
                return true;
            if (wide[i] != "+" && wide[i] != narrow[i])
                return false;
        }
        return wide.Length == narrow.Length;
    }

    /// <returns>Why the nucleus would not send it to AWS IoT, or null.</returns>
    public static string? Problem(string topic, bool publishing)
    {
        if (topic.Length == 0)
            return "Topic must not be empty";
        if (publishing && topic.AsSpan().ContainsAny('#', '+'))
            return "Publish topics must not contain wildcard characters of '#' or '+'";
        // AWS IoT counts for itself in topics of its own.
        if (topic[0] == '$')
            return topic.Length > MaxReservedLength ? $"Reserved topic is longer than {MaxReservedLength} characters" : null;
        if (topic.AsSpan().Count('/') > MaxSlashes)
            return $"The request topic must have no more than {MaxSlashes} forward slashes (/)";
        return topic.Length > MaxLength ? $"The topic size of request must be no larger than {MaxLength} bytes" : null;
    }
}
