using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Shadows;

/// <summary>How sections of a shadow change: objects are merged, everything else is replaced, null removes.</summary>
internal static class ShadowMerge
{
    /// <summary>Levels within desired or reported.</summary>
    private const int MaxDepth = 8;

    /// <param name="metadata">Mirrors the state; each value has the time of its last change.</param>
    public static void Apply(JsonObject state, JsonObject metadata, JsonObject change, long timestamp)
    {
        foreach (var (name, value) in change)
        {
            if (value is null)
            {
                state.Remove(name);
                metadata.Remove(name);
            }
            else if (value is JsonObject inner)
            {
                var into = state[name] as JsonObject ?? [];
                var about = IsLeaf(metadata[name]) ? [] : metadata[name] as JsonObject ?? [];
                Apply(into, about, inner, timestamp);
                Set(state, name, into);
                Set(metadata, name, about);
                // An object with nothing in it is nothing.
                if (into.Count == 0)
                {
                    state.Remove(name);
                    metadata.Remove(name);
                }
            }
            else
            {
                state[name] = value.DeepClone();
                metadata[name] = Stamps(value, timestamp);
            }
        }
    }

    /// <summary>Metadata of what a request named, nulls left out.</summary>
    public static JsonNode Stamps(JsonNode value, long timestamp) => value switch
    {
        JsonObject members => new JsonObject(
            members.Where(m => m.Value is not null).Select(m => KeyValuePair.Create(m.Key, (JsonNode?)Stamps(m.Value!, timestamp)))),
        JsonArray items => new JsonArray([.. items.Select(i => Stamps(i!, timestamp))]),
        _ => new JsonObject { ["timestamp"] = timestamp },
    };

    /// <summary>What is desired and not reported so; null when nothing.</summary>
    public static (JsonObject State, JsonObject Metadata)? Delta(JsonObject? desired, JsonObject? reported, JsonObject? metadata)
    {
        var (state, about) = (new JsonObject(), new JsonObject());
        foreach (var (name, wanted) in desired ?? [])
        {
            var actual = reported?[name];
            if (wanted is JsonObject inner && actual is JsonObject actualInner)
            {
                if (Delta(inner, actualInner, metadata?[name] as JsonObject) is { } deeper)
                    (state[name], about[name]) = (deeper.State, deeper.Metadata);
            }
            else if (!JsonNode.DeepEquals(wanted, actual))
            {
                state[name] = wanted?.DeepClone();
                about[name] = metadata?[name]?.DeepClone();
            }
        }

        return state.Count > 0 ? (state, about) : null;
    }

    /// <exception cref="ShadowException">Too deep, or an array with null in it.</exception>
    public static void Check(JsonNode? node, int depth = 0)
    {
        if (depth > MaxDepth)
            throw ShadowException.BadRequest($"JSON contains too many levels of nesting; maximum is {MaxDepth}");
        if (node is JsonObject members)
        {
            foreach (var (_, value) in members)
                Check(value, depth + 1);
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
                Check(item ?? throw ShadowException.BadRequest("State contains an invalid node: an array holds null"), depth + 1);
        }
    }

    private static bool IsLeaf(JsonNode? metadata) => metadata is JsonObject { Count: 1 } only && only["timestamp"]?.GetValueKind() == JsonValueKind.Number;

    private static void Set(JsonObject json, string name, JsonObject value)
    {
        if (json[name] != value)
            json[name] = value;
    }
}
