using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Keyturn.LocalCore.Configuration;

/// <summary>YAML as the nucleus reads recipes and writes its effective configuration. JSON is YAML, so it reads both.</summary>
internal static class YamlText
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="InvalidDataException">The text is not one YAML document.</exception>
    public static JsonNode? Read(string text)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents.Count == 0 ? null : Convert(stream.Documents[0].RootNode);
        }
        catch (YamlException problem)
        {
            throw new InvalidDataException($"line {problem.Start.Line}: {problem.Message}", problem);
        }
    }

    public static string Write(JsonObject value)
    {
        var text = new StringBuilder("---\n");
        Write(text, value, 0);
        return text.ToString();
    }

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(pair =>
            KeyValuePair.Create(((YamlScalarNode)pair.Key).Value ?? "", Convert(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
        YamlScalarNode { Style: ScalarStyle.Plain } scalar => Plain(scalar.Value ?? ""),
        YamlScalarNode scalar => JsonValue.Create(scalar.Value ?? ""),
        _ => throw new InvalidDataException($"line {node.Start.Line}: an alias has no meaning here"),
    };

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonValue.Create(whole),
        _ when char.IsAsciiDigit(text.TrimStart('-', '+', '.').FirstOrDefault())
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) => JsonValue.Create(real),
        _ => JsonValue.Create(text),
    };

    private static void Write(StringBuilder text, JsonObject value, int depth)
    {
        foreach (var (name, child) in value)
        {
            text.Append(' ', depth * 2).Append(Key(name)).Append(':');
            switch (child)
            {
                case JsonObject { Count: 0 }:
                    text.Append(" {}\n");
                    break;
                case JsonObject inner:
                    text.Append('\n');
                    Write(text, inner, depth + 1);
                    break;
                case JsonArray { Count: > 0 } list:
                    text.Append('\n');
                    foreach (var item in list)
                        text.Append(' ', depth * 2).Append("- ").Append(Flow(item)).Append('\n');
                    break;
                default:
                    text.Append(' ').Append(Flow(child)).Append('\n');
                    break;
            }
        }
    }

    private static string Flow(JsonNode? node) => node?.ToJsonString(Relaxed) ?? "null";

    private static string Key(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') && char.IsAsciiLetter(name[0])
            ? name
            : JsonSerializer.Serialize(name, Relaxed);
}
