using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>A CloudFormation template in JSON, its sections apart.</summary>
internal sealed record Template(JsonObject Parameters, JsonObject Mappings, JsonObject Conditions, JsonObject Resources, JsonObject Rules, JsonObject Outputs)
{
    private static readonly string[] Sections =
        ["AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Resources", "Outputs"];

    public static Template Parse(ReadOnlySpan<byte> json)
    {
        JsonObject root;
        try
        {
            root = StrictJson.Parse(json) as JsonObject ?? throw new StackException("the template is not a JSON object");
        }
        catch (JsonException e)
        {
            throw new StackException($"the template is not JSON: {e.Message}");
        }

        if (root.FirstOrDefault(s => !Sections.Contains(s.Key)).Key is { } unknown)
            throw new StackException($"the template's section {unknown} is not one that this cloud knows");
        var template = new Template(Section(root, "Parameters"), Section(root, "Mappings"), Section(root, "Conditions"), Section(root, "Resources"),
            Section(root, "Rules"), Section(root, "Outputs"));
        if (template.Resources.Count == 0)
            throw new StackException("the template has no Resources");
        return template;
    }

    public bool HasCustomResources => Resources.Any(r => (r.Value as JsonObject)?["Type"]?.ToString() is { } type
        && (type == CustomResources.Type || type.StartsWith("Custom::", StringComparison.Ordinal)));

    /// <summary>The template with these values of its parameters; one that it does not have is an error.</summary>
    public Template With(IEnumerable<KeyValuePair<string, string>> values)
    {
        var parameters = (JsonObject)Parameters.DeepClone();
        foreach (var (name, value) in values)
        {
            if (parameters[name] is not JsonObject parameter)
                throw new StackException($"the template has no parameter {name}; it has {string.Join(", ", parameters.Select(p => p.Key))}");
            parameter["Default"] = value;
        }

        return this with { Parameters = parameters };
    }

    private static JsonObject Section(JsonObject root, string name) => root[name] switch
    {
        null => [],
        JsonObject section => section,
        _ => throw new StackException($"the template's section {name} is not an object"),
    };
}
