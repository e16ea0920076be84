namespace Keyturn.LocalCloud.Mqtt;

/// <param name="Filter">As the client wrote it, <c>$share/…</c> included.</param>
/// <param name="Group">Of a shared subscription.</param>
internal sealed record Subscription(
    DeviceSession Session, string Filter, int QualityOfService, string? Group = null, bool NoLocal = false, bool RetainAsPublished = false);

/// <summary>All subscriptions of all sessions, found by topic. A level a node, so that the cost of a match is the topic's depth.</summary>
internal sealed class SubscriptionTree
{
    private readonly Lock _lock = new();
    private readonly Node _root = new();
    private readonly Dictionary<string, int> _turns = new(StringComparer.Ordinal);

    public void Add(Subscription subscription)
    {
        lock (_lock)
        {
            var node = _root;
            foreach (var level in Levels(subscription.Filter))
                node = (node.Children ??= new(StringComparer.Ordinal)).TryGetValue(level, out var child) ? child : node.Children[level] = new Node();
            node.Here.RemoveAll(s => s.Session == subscription.Session && s.Filter == subscription.Filter);
            node.Here.Add(subscription);
        }
    }

    public void Remove(Subscription subscription)
    {
        lock (_lock)
            Remove(_root, Levels(subscription.Filter), 0, subscription);
    }

    /// <summary>At most one entry a session, at the best quality of service of those that match; of a group one member in turn.</summary>
    public IReadOnlyList<Subscription> Match(string topic)
    {
        var found = new List<Subscription>();
        lock (_lock)
        {
            Collect(_root, topic.Split('/'), 0, topic.StartsWith('$'), found);
            if (found.Count < 2 && found is not [{ Group: not null }])
                return found;
            var plain = found.Where(s => s.Group is null)
                .GroupBy(s => s.Session).Select(g => g.MaxBy(s => s.QualityOfService)!);
            var shared = found.Where(s => s.Group is not null)
                .GroupBy(s => s.Filter).Select(g => InTurn(g.Key, [.. g]));
            return [.. plain, .. shared];
        }
    }

    private Subscription InTurn(string filter, List<Subscription> members)
    {
        var awake = members.FindAll(m => m.Session.IsConnected);
        var candidates = awake.Count > 0 ? awake : members;
        var turn = _turns.GetValueOrDefault(filter);
        _turns[filter] = turn == int.MaxValue ? 0 : turn + 1;
        return candidates[turn % candidates.Count];
    }

    private static void Collect(Node node, string[] levels, int depth, bool isReserved, List<Subscription> found)
    {
        // A wildcard on the first level does not match topics that begin with a dollar sign.
        var wildcards = depth > 0 || !isReserved;
        if (wildcards && node.Children?.TryGetValue("#", out var rest) == true)
            found.AddRange(rest.Here);
        if (depth == levels.Length)
        {
            found.AddRange(node.Here);
            return;
        }

        if (node.Children is null)
            return;
        if (node.Children.TryGetValue(levels[depth], out var exact))
            Collect(exact, levels, depth + 1, isReserved, found);
        if (wildcards && node.Children.TryGetValue("+", out var any))
            Collect(any, levels, depth + 1, isReserved, found);
    }

    private static void Remove(Node node, string[] levels, int depth, Subscription subscription)
    {
        if (depth == levels.Length)
        {
            node.Here.RemoveAll(s => s.Session == subscription.Session && s.Filter == subscription.Filter);
        }
        else if (node.Children?.TryGetValue(levels[depth], out var child) == true)
        {
            Remove(child, levels, depth + 1, subscription);
            if (child is { Here.Count: 0, Children: null or { Count: 0 } })
                node.Children.Remove(levels[depth]);
        }
    }

    private static string[] Levels(string filter) => (TopicRules.SplitShared(filter)?.Filter ?? filter).Split('/');

    private sealed class Node
    {
        public Dictionary<string, Node>? Children { get; set; }

        public List<Subscription> Here { get; } = [];
    }
}
