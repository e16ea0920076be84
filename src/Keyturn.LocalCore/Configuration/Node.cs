using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Configuration;

/// <summary>A node of the nucleus's configuration tree. Names are compared without case, as the nucleus does.</summary>
internal abstract class Node(string name, Branch? parent)
{
    public string Name { get; } = name;

    public Branch? Parent { get; } = parent;

    /// <summary>Milliseconds since the epoch of the newest change.</summary>
    public abstract long Timestamp { get; }

    public IEnumerable<string> Path => Parent is null ? [] : Parent.Path.Append(Name);

    public abstract JsonNode? ToJson();
}

/// <summary>A value: a scalar or a list, which is a value as a whole.</summary>
internal sealed class Leaf(string name, Branch parent) : Node(name, parent)
{
    public JsonNode? Value { get; private set; }

    public override long Timestamp => ChangedAt;

    public long ChangedAt { get; private set; } = -1;

    public void Set(JsonNode? value, long timestamp) => (Value, ChangedAt) = (value?.DeepClone(), timestamp);

    public override JsonNode? ToJson() => Value?.DeepClone();
}

internal sealed class Branch(string name, Branch? parent) : Node(name, parent)
{
    private readonly SortedDictionary<string, Node> children = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlyCollection<Node> Children => children.Values;

    public override long Timestamp => children.Count == 0 ? 0 : children.Values.Max(c => c.Timestamp);

    public Node? Find(string child) => children.GetValueOrDefault(child);

    public void Add(Node child) => children[child.Name] = child;

    public void Remove(string child) => children.Remove(child);

    public override JsonNode ToJson()
    {
        var result = new JsonObject();
        foreach (var child in children.Values)
            result[child.Name] = child.ToJson();
        return result;
    }
}
