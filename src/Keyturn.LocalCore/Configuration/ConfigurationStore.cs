using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Configuration;

/// <summary>
/// The nucleus's configuration: a tree whose every change is appended to the transaction log before it counts. A change
/// older than what it would replace is ignored, as the nucleus does.
/// </summary>
internal sealed class ConfigurationStore(Action<LogEntry>? append = null)
{
    private readonly Lock gate = new();
    private readonly Branch root = new("", null);

    /// <summary>Raised outside the lock with the full path of each leaf changed or node removed.</summary>
    public event Action<IReadOnlyList<string>>? Changed;

    public JsonNode? Read(params IEnumerable<string> path)
    {
        lock (gate)
            return Find(path)?.ToJson();
    }

    public string? ReadString(params IEnumerable<string> path) => Read(path) switch
    {
        JsonValue value => value.GetValueKind() == System.Text.Json.JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString(),
        _ => null,
    };

    /// <summary>The node's name as stored, its JSON, whether it is a leaf, and when it last changed; null when there is none.</summary>
    public (string Name, JsonNode? Value, bool IsLeaf, long Timestamp)? Look(params IEnumerable<string> path)
    {
        lock (gate)
            return Find(path) is { } node ? (node.Name, node.ToJson(), node is Leaf, node.Timestamp) : null;
    }

    /// <summary>Merges an object under a path: objects are merged, every other value replaces.</summary>
    public void Merge(IReadOnlyList<string> path, JsonObject value, long timestamp)
    {
        List<IReadOnlyList<string>> changed = [];
        lock (gate)
        {
            var branch = root;
            foreach (var name in path)
                branch = Enter(branch, name, timestamp, changed);
            Merge(branch, value, timestamp, changed);
        }
        Announce(changed);
    }

    public void Remove(IReadOnlyList<string> path, long timestamp)
    {
        lock (gate)
        {
            if (Find(path) is not { Parent: { } parent } node)
                return;
            append?.Invoke(new(timestamp, [.. node.Path], LogEntry.Removed, null));
            parent.Remove(node.Name);
        }
        Announce([path]);
    }

    /// <summary>Takes in an entry of the log without writing it again.</summary>
    public void Replay(LogEntry entry)
    {
        lock (gate)
        {
            if (entry.Path.Count == 0)
                return;
            if (entry.What == LogEntry.Removed)
            {
                if (Find(entry.Path) is { Parent: { } parent } gone)
                    parent.Remove(gone.Name);
                return;
            }
            var branch = root;
            foreach (var name in entry.Path.SkipLast(1))
                branch = Enter(branch, name, entry.Timestamp, changed: null);
            if (entry.What == LogEntry.InteriorAdded)
                Enter(branch, entry.Path[^1], entry.Timestamp, changed: null);
            else
                LeafOf(branch, entry.Path[^1]).Set(entry.Value, entry.Timestamp);
        }
    }

    /// <summary>Every node as a fresh log would hold it.</summary>
    public IReadOnlyList<LogEntry> Snapshot()
    {
        List<LogEntry> entries = [];
        lock (gate)
            Collect(root, entries);
        return entries;
    }

    private static void Collect(Branch branch, List<LogEntry> entries)
    {
        foreach (var child in branch.Children)
        {
            if (child is Leaf leaf)
            {
                entries.Add(new(leaf.ChangedAt, [.. leaf.Path], LogEntry.Changed, leaf.Value));
            }
            else if (child is Branch inner)
            {
                if (inner.Children.Count == 0)
                    entries.Add(new(0, [.. inner.Path], LogEntry.InteriorAdded, null));
                Collect(inner, entries);
            }
        }
    }

    private void Merge(Branch branch, JsonObject value, long timestamp, List<IReadOnlyList<string>> changed)
    {
        foreach (var (name, child) in value)
        {
            if (child is JsonObject inner)
            {
                Merge(Enter(branch, name, timestamp, changed), inner, timestamp, changed);
                continue;
            }
            var leaf = LeafOf(branch, name);
            if (leaf.ChangedAt > timestamp || (leaf.ChangedAt >= 0 && JsonNode.DeepEquals(leaf.Value, child)))
                continue;
            append?.Invoke(new(timestamp, [.. leaf.Path], LogEntry.Changed, child));
            leaf.Set(child, timestamp);
            changed.Add([.. leaf.Path]);
        }
    }

    private Branch Enter(Branch parent, string name, long timestamp, List<IReadOnlyList<string>>? changed)
    {
        if (parent.Find(name) is Branch existing)
            return existing;
        var branch = new Branch(name, parent);
        parent.Add(branch);
        if (changed is not null)
            append?.Invoke(new(timestamp, [.. branch.Path], LogEntry.InteriorAdded, null));
        return branch;
    }

    private static Leaf LeafOf(Branch parent, string name)
    {
        if (parent.Find(name) is Leaf existing)
            return existing;
        var leaf = new Leaf(name, parent);
        parent.Add(leaf);
        return leaf;
    }

    private Node? Find(IEnumerable<string> path)
    {
        Node? node = root;
        foreach (var name in path)
            node = (node as Branch)?.Find(name);
        return node;
    }

    private void Announce(List<IReadOnlyList<string>> changed)
    {
        foreach (var path in changed)
            Changed?.Invoke(path);
    }
}
