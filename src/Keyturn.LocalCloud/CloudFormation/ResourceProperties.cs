using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>
/// Properties of one resource. Each must be read or explicitly passed over: a property that nobody asked for is an error,
/// so that nothing in a template is silently without effect.
/// </summary>
internal sealed class ResourceProperties(JsonObject properties, string path)
{
    /// <summary>For messages: which resource, and where in it.</summary>
    public string Path => path;

    public string LogicalId { get; init; } = "";

    public string Type { get; init; } = "";

    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public string? Text(string name) => Take(name) switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        JsonValue value when value.GetValueKind() is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.ToJsonString(),
        _ => throw Wrong(name, "text"),
    };

    public string Required(string name) => Text(name) ?? throw new StackException($"{path} needs {name}");

    public int? Number(string name) => Text(name) switch
    {
        null => null,
        var text => int.TryParse(text, out var number) ? number : throw Wrong(name, "a number"),
    };

    public ResourceProperties? Object(string name) => Take(name) switch
    {
        null => null,
        JsonObject value => new ResourceProperties(value, $"{path}.{name}"),
        _ => throw Wrong(name, "an object"),
    };

    public JsonNode? Json(string name) => Take(name)?.DeepClone();

    public IReadOnlyList<string> Texts(string name) => Take(name) switch
    {
        null => [],
        JsonArray items => [.. items.Select(i => i?.GetValueKind() == JsonValueKind.String ? i.GetValue<string>() : throw Wrong(name, "a list of texts"))],
        _ => throw Wrong(name, "a list"),
    };

    public IEnumerable<ResourceProperties> Objects(string name) => Take(name) switch
    {
        null => [],
        JsonArray items => [.. items.Select((item, i) => item is JsonObject value
            ? new ResourceProperties(value, $"{path}.{name}[{i}]")
            : throw Wrong(name, "a list of objects"))],
        _ => throw Wrong(name, "a list"),
    };

    public IReadOnlyList<KeyValuePair<string, string>> Map(string name) => Take(name) switch
    {
        null => [],
        JsonObject map => [.. map.Select(m => KeyValuePair.Create(m.Key, m.Value?.GetValueKind() switch
        {
            JsonValueKind.String => m.Value.GetValue<string>(),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => m.Value.ToJsonString(),
            _ => throw Wrong(name, "a map of texts"),
        }))],
        _ => throw Wrong(name, "a map"),
    };

    /// <summary>Properties that mean nothing on one machine.</summary>
    public void PassOver(params string[] names) => _read.UnionWith(names);

    /// <summary>All of them, as the API of the service takes them.</summary>
    public JsonObject TakeAll()
    {
        PassOver([.. properties.Select(p => p.Key)]);
        return (JsonObject)properties.DeepClone();
    }

    public void Close()
    {
        if (properties.FirstOrDefault(p => !_read.Contains(p.Key)).Key is { } unread)
            throw new StackException($"{path}: the property {unread} is not one that this cloud knows");
    }

    public StackException Wrong(string name, string wanted) => new($"{path}: {name} is not {wanted}");

    private JsonNode? Take(string name)
    {
        _read.Add(name);
        return properties[name];
    }
}
