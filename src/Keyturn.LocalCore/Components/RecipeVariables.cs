using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Components;

/// <summary>
/// The recipe variables: <c>{kernel:rootPath}</c>, <c>{iot:thingName}</c>, <c>{artifacts:path}</c>,
/// <c>{artifacts:decompressedPath}</c>, <c>{work:path}</c>, <c>{configuration:/json/pointer}</c>. What is not one stays as it is.
/// </summary>
internal sealed partial class RecipeVariables(string root, string thingName, string component, string version, ConfigurationStore? store)
{
    private readonly ArtifactPaths artifacts = ArtifactPaths.Of(root, component, version);

    public string Expand(string text) => Variable().Replace(text, match => Value(match.Groups[1].Value, match.Groups[2].Value) ?? match.Value);

    public JsonNode? Expand(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.Select(p => KeyValuePair.Create(Expand(p.Key), Expand(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Expand)]),
        JsonValue value when value.TryGetValue<string>(out var text) => JsonValue.Create(Expand(text)),
        _ => node?.DeepClone(),
    };

    private string? Value(string space, string name) => (space, name) switch
    {
        ("kernel", "rootPath") => root,
        ("iot", "thingName") => thingName,
        ("artifacts", "path") => artifacts.Plain,
        ("artifacts", "decompressedPath") => artifacts.Decompressed,
        ("work", "path") => Path.Combine(root, "work", component),
        ("configuration", _) when name.StartsWith('/') => Configured(name),
        _ => null,
    };

    private string? Configured(string pointer) =>
        store?.Look(["services", component, "configuration", .. pointer.Split('/', StringSplitOptions.RemoveEmptyEntries)]) switch
        {
            null => null,
            { IsLeaf: true, Value: JsonValue value } => value.ToString(),
            { Value: { } value } => value.ToJsonString(),
            _ => "",
        };

    [GeneratedRegex(@"\{([A-Za-z]+):([^{}\s]+)\}")]
    private static partial Regex Variable();
}
