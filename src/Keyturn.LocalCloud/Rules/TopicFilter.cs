namespace Keyturn.LocalCloud.Rules;

/// <summary>The topic filter of a rule: segments, <c>+</c> for one, <c>#</c> for all that follow.</summary>
internal sealed class TopicFilter(string filter)
{
    private readonly string[] _segments = filter.Split('/');

    /// <summary>Null when the filter is a good one.</summary>
    public static string? FindFault(string filter)
    {
        if (filter.Length == 0)
            return "The topic filter of FROM is empty";
        if (filter.Length > 256)
            return "The topic filter of FROM is longer than 256 characters";
        var segments = filter.Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            if (segments[i].Contains('#', StringComparison.Ordinal) && (segments[i] != "#" || i != segments.Length - 1))
                return $"The topic filter '{filter}' has a # that is not its last segment";
            if (segments[i].Contains('+', StringComparison.Ordinal) && segments[i] != "+")
                return $"The topic filter '{filter}' has a + that is not a segment of its own";
        }

        return null;
    }

    public bool Matches(string topic)
    {
        var levels = topic.Split('/');
        // As everywhere in MQTT, a wildcard in front does not take in the reserved topics.
        if (topic.StartsWith('$') && (_segments[0] is "+" or "#"))
            return false;
        for (var i = 0; i < _segments.Length; i++)
        {
            if (_segments[i] == "#")
                return true;
            if (i >= levels.Length || (_segments[i] != "+" && _segments[i] != levels[i]))
                return false;
        }

        return levels.Length == _segments.Length;
    }
}
