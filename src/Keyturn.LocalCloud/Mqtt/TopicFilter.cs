namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Does one topic filter match one topic? For few filters; subscriptions are found by <see cref="SubscriptionTree"/>.</summary>
internal static class TopicFilter
{
    public static bool Matches(string filter, string topic)
    {
        var wanted = filter.Split('/');
        var levels = topic.Split('/');
        if (topic.StartsWith('$') && (wanted[0] is "+" or "#"))
            return false;
        for (var i = 0; i < wanted.Length; i++)
        {
            if (wanted[i] == "#")
                return true;
            if (i == levels.Length || (wanted[i] != "+" && wanted[i] != levels[i]))
                return false;
        }

        return wanted.Length == levels.Length;
    }
}
