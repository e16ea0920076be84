namespace Keyturn.LocalCloud.Mqtt;

/// <summary>
/// What the network and a distributed broker may do to a message. Asked once a message; each entry is a copy and says when it
/// goes its way. One copy at once is the ordinary case, none is a loss, two are a duplicate, a late one may be overtaken.
/// </summary>
internal interface IMessageFaults
{
    IReadOnlyList<TimeSpan> Plan(string topic);
}

internal enum MessageFault
{
    Drop,
    Duplicate,
    Delay,
    Reorder,
}

/// <param name="Filter">An MQTT topic filter.</param>
/// <param name="Share">Of the messages, 0 to 1.</param>
/// <param name="Delay">Of the late copy.</param>
internal sealed record MessageFaultRule(string Filter, MessageFault Fault, double Share, TimeSpan Delay);

/// <summary>Faults by topic, drawn from one seeded source: the same seed and the same messages give the same faults.</summary>
internal sealed class SeededMessageFaults(int seed) : IMessageFaults
{
    private static readonly IReadOnlyList<TimeSpan> Undisturbed = [TimeSpan.Zero];

    private readonly Lock _lock = new();
#pragma warning disable CA5394 // Faults must be reproducible, not unpredictable.
    private readonly Random _random = new(seed);
    private IReadOnlyList<MessageFaultRule> _rules = [];

    /// <summary>The first rule whose filter matches counts.</summary>
    public void Set(IReadOnlyList<MessageFaultRule> rules)
    {
        lock (_lock)
            _rules = rules;
    }

    public IReadOnlyList<TimeSpan> Plan(string topic)
    {
        lock (_lock)
        {
            if (_rules.FirstOrDefault(r => TopicFilter.Matches(r.Filter, topic)) is not { } rule || _random.NextDouble() >= rule.Share)
                return Undisturbed;
            return rule.Fault switch
            {
                MessageFault.Drop => [],
                MessageFault.Duplicate => [TimeSpan.Zero, rule.Delay],
                MessageFault.Delay => [rule.Delay],
                _ => [rule.Delay * _random.NextDouble()],
            };
        }
    }
#pragma warning restore CA5394
}
