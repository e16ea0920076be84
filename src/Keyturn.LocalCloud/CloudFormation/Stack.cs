using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.CloudFormation;

/// <param name="Ref">What <c>Ref</c> gives.</param>
/// <param name="Attributes">What <c>Fn::GetAtt</c> gives.</param>
internal sealed record CreatedResource(string Ref, IReadOnlyDictionary<string, string> Attributes)
{
    public CreatedResource(string reference, string arn)
        : this(reference, new Dictionary<string, string> { ["Arn"] = arn })
    {
    }
}

/// <summary>Makes a resource of one type.</summary>
/// <param name="physicalName">A name for it, if the template gives none.</param>
internal delegate CreatedResource ResourceFactory(ResourceProperties properties, string physicalName);

/// <summary>Deploys a template: every resource after those it refers to.</summary>
internal sealed class Stack
{
    private static readonly string[] ResourceMembers =
        ["Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"];

    private readonly Template _template;
    private readonly string _name;
    private readonly IReadOnlyDictionary<string, ResourceFactory> _types;
    private readonly Intrinsics _intrinsics;
    private readonly Dictionary<string, CreatedResource> _created = new(StringComparer.Ordinal);
    private readonly HashSet<string> _underWay = new(StringComparer.Ordinal);

    private Stack(Template template, string name, IReadOnlyDictionary<string, ResourceFactory> types)
    {
        (_template, _name, _types) = (template, name, types);
        _intrinsics = new Intrinsics(template, name, Reference, Attribute);
    }

    /// <returns>How many resources were made.</returns>
    public static int Deploy(Template template, string name, IReadOnlyDictionary<string, ResourceFactory> types)
    {
        var stack = new Stack(template, name, types);
        // All types first: a template with one that is not known changes nothing.
        foreach (var (id, resource) in template.Resources)
        {
            var type = (resource as JsonObject)?["Type"]?.ToString() ?? throw new StackException($"the resource {id} has no Type");
            if (stack.Factory(type) is null)
                throw new StackException($"the resource {id} is of the type {type}, which this cloud does not know");
        }

        foreach (var (rule, assertions) in template.Rules)
            stack._intrinsics.Assert(rule, assertions as JsonObject ?? throw new StackException($"the rule {rule} is not an object"));

        foreach (var (id, _) in template.Resources)
        {
            if (stack.Exists(id))
                stack.Create(id);
        }

        foreach (var (title, output) in template.Outputs)
            stack.Evaluate(title, output as JsonObject ?? throw new StackException($"the output {title} is not an object"));
        return stack._created.Count;
    }

    /// <summary>Custom::Anything is a custom resource by another name.</summary>
    private ResourceFactory? Factory(string type) =>
        _types.GetValueOrDefault(type.StartsWith("Custom::", StringComparison.Ordinal) ? CustomResources.Type : type);

    private void Evaluate(string name, JsonObject output)
    {
        if (output["Condition"] is { } condition && !_intrinsics.Condition(condition.ToString()))
            return;
        if (_intrinsics.Resolve(output["Value"]) is null)
            throw new StackException($"the output {name} has no Value");
        _intrinsics.Resolve(output["Export"]);
    }

    private bool Exists(string id) => _template.Resources[id] is JsonObject resource
        && (resource["Condition"] is not { } condition || _intrinsics.Condition(condition.ToString()));

    private CreatedResource Create(string id)
    {
        if (_created.TryGetValue(id, out var existing))
            return existing;
        if (!_underWay.Add(id))
            throw new StackException($"the resource {id} depends on itself");
        var resource = (JsonObject)_template.Resources[id]!;
        if (resource.FirstOrDefault(m => !ResourceMembers.Contains(m.Key)).Key is { } unknown)
            throw new StackException($"the resource {id} has a member {unknown}, which this cloud does not know");
        foreach (var dependency in Dependencies(resource["DependsOn"]))
        {
            if (!_template.Resources.ContainsKey(dependency))
                throw new StackException($"the resource {id} depends on {dependency}, which is not there");
            if (Exists(dependency))
                Create(dependency);
        }

        var type = resource["Type"]!.ToString();
        var where = $"{id} ({type})";
        try
        {
            var properties = new ResourceProperties(_intrinsics.Resolve(resource["Properties"]) as JsonObject ?? [], where) { LogicalId = id, Type = type };
            var created = Factory(type)!(properties, $"{_name}-{id}");
            properties.Close();
            _created.Add(id, created);
            return created;
        }
        catch (Exception e) when (e is ApiException or FormatException)
        {
            throw new StackException($"{where}: {e.Message}");
        }
        finally
        {
            _underWay.Remove(id);
        }
    }

    private static IEnumerable<string> Dependencies(JsonNode? node) => node switch
    {
        null => [],
        JsonArray many => many.Select(d => d?.ToString() ?? ""),
        _ => [node.ToString()],
    };

    private string? Reference(string id) => _template.Resources.ContainsKey(id) && Exists(id) ? Create(id).Ref : null;

    private JsonNode Attribute(string id, string name)
    {
        if (!_template.Resources.ContainsKey(id) || !Exists(id))
            throw new StackException($"Fn::GetAtt of {id}: there is no such resource");
        return Create(id).Attributes.GetValueOrDefault(name)
            ?? throw new StackException($"Fn::GetAtt of {id}: this cloud does not know its attribute {name}");
    }
}
