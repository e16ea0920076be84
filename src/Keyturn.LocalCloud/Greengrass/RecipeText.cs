using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;
using YamlDotNet.Serialization;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>A recipe's two spellings, JSON and YAML, read and written.</summary>
internal static class RecipeText
{
    /// <summary>An alias stands for what it names, however often: without a limit a few lines are millions of nodes.</summary>
    private const int MaxNodes = 10_000;
    private const int MaxDepth = 64;

    /// <returns>Null for what is neither.</returns>
    public static JsonObject? TryRead(byte[] recipe)
    {
        try
        {
            var text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(recipe);
            if (text.TrimStart().StartsWith('{'))
                return StrictJson.Parse(recipe) as JsonObject;
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            var left = MaxNodes;
            return stream.Documents.Count == 1 ? Node(stream.Documents[0].RootNode, MaxDepth, ref left) as JsonObject : null;
        }
        catch (Exception e) when (e is YamlException or JsonException or ArgumentException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    public static byte[] Json(JsonObject recipe) => JsonSerializer.SerializeToUtf8Bytes(recipe);

    public static byte[] Yaml(JsonObject recipe) =>
        Encoding.UTF8.GetBytes(new SerializerBuilder().WithQuotingNecessaryStrings().Build().Serialize(Plain(recipe)!));

    private static JsonNode? Node(YamlNode node, int depth, ref int left)
    {
        if (depth == 0 || --left < 0)
            throw new FormatException("too many nodes");
        switch (node)
        {
            case YamlMappingNode mapping:
                var map = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                    map.Add(((key as YamlScalarNode) ?? throw new FormatException("a key is no scalar")).Value ?? "", Node(value, depth - 1, ref left));
                return map;
            case YamlSequenceNode sequence:
                var list = new JsonArray();
                foreach (var child in sequence.Children)
                    list.Add(Node(child, depth - 1, ref left));
                return list;
            case YamlScalarNode { Style: ScalarStyle.Plain, Value: var text }:
                return Plain(text ?? "");
            default:
                return (node as YamlScalarNode)?.Value;
        }
    }

    private static JsonNode? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => number,
        _ => text,
    };

    private static object? Plain(JsonNode? node) => node switch
    {
        JsonObject map => map.ToDictionary(p => (object)p.Key, p => Plain(p.Value)),
        JsonArray list => list.Select(Plain).ToList(),
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => value.TryGetValue(out long whole) ? whole : value.Deserialize<double>(),
        },
        _ => null,
    };
}
