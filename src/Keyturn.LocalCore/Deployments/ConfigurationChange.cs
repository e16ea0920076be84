using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Deployments;

/// <summary>A configuration after a deployment's <c>reset</c> and <c>merge</c>, computed before anything is changed.</summary>
internal static class ConfigurationChange
{
    /// <exception cref="InvalidDataException">A reset is not a JSON pointer.</exception>
    public static JsonObject Apply(JsonObject present, JsonObject defaults, ComponentChange change)
    {
        var result = Insensitive(present);
        foreach (var pointer in change.Reset)
        {
            if (pointer.Length > 0 && pointer[0] != '/')
                throw new InvalidDataException($"reset '{pointer}' is not a JSON pointer; write for instance /keyAlgorithm, or an empty one for everything");
            if (pointer.Length == 0)
                result = Insensitive(defaults);
            else
                Reset(result, defaults, pointer[1..].Split('/'));
        }
        if (change.Merge is { } merge)
            Merge(result, merge);
        return result;
    }

    private static void Reset(JsonObject target, JsonObject? defaults, string[] path)
    {
        var fallback = defaults?.FirstOrDefault(d => d.Key.Equals(path[0], StringComparison.OrdinalIgnoreCase)) ?? default;
        if (path.Length > 1)
        {
            if (target[path[0]] is JsonObject inner)
                Reset(inner, fallback.Value as JsonObject, path[1..]);
            return;
        }
        target.Remove(path[0]);
        if (fallback.Key is not null)
            target[fallback.Key] = Copy(fallback.Value);
    }

    private static void Merge(JsonObject target, JsonObject merge)
    {
        foreach (var (name, value) in merge)
        {
            if (value is JsonObject map && target[name] is JsonObject there)
            {
                Merge(there, map);
                continue;
            }
            // A key keeps the name under which it came first.
            var key = target.FirstOrDefault(t => t.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Key ?? name;
            target[key] = Copy(value);
        }
    }

    private static JsonObject Insensitive(JsonObject map) => (JsonObject)Copy(map)!;

    private static JsonNode? Copy(JsonNode? node)
    {
        if (node is not JsonObject map)
            return node?.DeepClone();
        var copy = new JsonObject(new JsonNodeOptions { PropertyNameCaseInsensitive = true });
        foreach (var (name, value) in map)
            copy[name] = Copy(value);
        return copy;
    }
}
