using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>
/// Evaluates the intrinsic functions of a template.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
/// </summary>
/// <param name="reference">The value of <c>Ref</c> to a resource; creates it first if need be. Null when there is none.</param>
/// <param name="attribute">The value of <c>Fn::GetAtt</c>.</param>
internal sealed class Intrinsics(
    Template template, string stackName, Func<string, string?> reference, Func<string, string, JsonNode> attribute)
{
    /// <summary>Where <c>AWS::NoValue</c> was: the member or element goes.</summary>
    private static readonly JsonNode NoValue = new JsonObject();

    private readonly HashSet<string> _underWay = new(StringComparer.Ordinal);

    public static string StackId(string name) =>
        CloudAccount.Local.Arn("cloudformation", $"stack/{name}/00000000-0000-0000-0000-000000000000");

    /// <summary>Holds the parameters to a rule of the template.</summary>
    public void Assert(string rule, JsonObject members)
    {
        if (members["RuleCondition"] is { } condition && !Truth(condition))
            return;
        foreach (var assertion in List(members["Assertions"], $"the rule {rule}"))
        {
            if (!Truth((assertion as JsonObject)?["Assert"] ?? throw new StackException($"the rule {rule} has an assertion without Assert")))
                throw new StackException($"the rule {rule} does not hold: {assertion!["AssertDescription"]?.ToString() ?? "it has no description"}");
        }
    }

    /// <summary>A copy without any intrinsic function left; null when nothing is left at all.</summary>
    public JsonNode? Resolve(JsonNode? node)
    {
        var resolved = Evaluate(node);
        return ReferenceEquals(resolved, NoValue) ? null : resolved;
    }

    public bool Condition(string name)
    {
        if (!_underWay.Add("condition " + name))
            throw new StackException($"the condition {name} depends on itself");
        try
        {
            return Truth(template.Conditions[name] ?? throw new StackException($"there is no condition {name}"));
        }
        finally
        {
            _underWay.Remove("condition " + name);
        }
    }

    private JsonNode? Evaluate(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject { Count: 1 } call when call.First().Key is "Ref" or "Condition" || call.First().Key.StartsWith("Fn::", StringComparison.Ordinal):
                return Call(call.First().Key, call.First().Value);
            case JsonObject members:
                var copy = new JsonObject();
                foreach (var (name, value) in members)
                {
                    var resolved = Evaluate(value);
                    if (!ReferenceEquals(resolved, NoValue))
                        copy[name] = resolved;
                }

                return copy;
            case JsonArray items:
                return new JsonArray([.. items.Select(Evaluate).Where(i => !ReferenceEquals(i, NoValue))]);
            default:
                return node?.DeepClone();
        }
    }

    private JsonNode? Call(string function, JsonNode? argument)
    {
        switch (function)
        {
            case "Ref":
                return Ref(Text(argument, function));
            case "Condition":
                // Within conditions a reference, elsewhere (an IAM policy) a member like any other.
                return argument?.GetValueKind() == JsonValueKind.String && template.Conditions.ContainsKey(argument.GetValue<string>())
                    ? Condition(argument.GetValue<string>())
                    : new JsonObject { ["Condition"] = Evaluate(argument) };
            case "Fn::GetAtt":
                var path = argument is JsonArray parts ? string.Join('.', parts.Select(p => Text(p, function))) : Text(argument, function);
                var dot = path.IndexOf('.', StringComparison.Ordinal);
                return dot > 0 ? attribute(path[..dot], path[(dot + 1)..]).DeepClone() : throw Bad(function, "needs a resource and an attribute");
            case "Fn::Join":
                var join = Arguments(argument, function, 2);
                return string.Join(Text(Evaluate(join[0]), function), List(Evaluate(join[1]), function).Select(i => Text(i, function)));
            case "Fn::Split":
                var split = Arguments(argument, function, 2);
                return new JsonArray([.. Text(Evaluate(split[1]), function).Split(Text(split[0], function)).Select(p => (JsonNode)p)]);
            case "Fn::Select":
                var select = Arguments(argument, function, 2);
                var list = List(Evaluate(select[1]), function);
                return int.TryParse(Text(Evaluate(select[0]), function), out var index) && index >= 0 && index < list.Count
                    ? list[index]?.DeepClone()
                    : throw Bad(function, "selects no element of its list");
            case "Fn::FindInMap":
                var find = Arguments(argument, function, 3).Select(a => Text(Evaluate(a), function)).ToList();
                return (template.Mappings[find[0]] as JsonObject)?[find[1]] is JsonObject row && row[find[2]] is { } found
                    ? found.DeepClone()
                    : throw Bad(function, $"finds nothing at {string.Join(" / ", find)}");
            case "Fn::Sub":
                return Substitute(argument);
            case "Fn::If":
                var branches = Arguments(argument, function, 3);
                return Evaluate(Condition(Text(branches[0], function)) ? branches[1] : branches[2]);
            case "Fn::Equals" or "Fn::And" or "Fn::Or" or "Fn::Not" or "Fn::Contains":
                return Truth(new JsonObject { [function] = argument?.DeepClone() });
            default:
                throw new StackException($"the function {function} is not one that this cloud knows");
        }
    }

    private JsonNode Ref(string name)
    {
        switch (name)
        {
            case "AWS::NoValue":
                return NoValue;
            case "AWS::Region":
                return CloudAccount.Local.Region;
            case "AWS::AccountId":
                return CloudAccount.Local.Id;
            case "AWS::Partition":
                return "aws";
            case "AWS::URLSuffix":
                return "amazonaws.com";
            case "AWS::StackName":
                return stackName;
            case "AWS::StackId":
                return StackId(stackName);
            case "AWS::NotificationARNs":
                return new JsonArray();
        }

        if (template.Parameters[name] is JsonObject parameter)
            return StackParameter.Value(name, parameter);

        return reference(name) ?? throw new StackException($"Ref to {name}: there is no such resource or parameter");
    }

    private JsonNode Substitute(JsonNode? argument)
    {
        var own = new JsonObject();
        var text = argument;
        if (argument is JsonArray)
        {
            var parts = Arguments(argument, "Fn::Sub", 2);
            text = parts[0];
            own = Evaluate(parts[1]) as JsonObject ?? throw Bad("Fn::Sub", "needs a map as its second argument");
        }

        var template = Text(text, "Fn::Sub");
        var filled = new System.Text.StringBuilder();
        var at = 0;
        while (template.IndexOf("${", at, StringComparison.Ordinal) is >= 0 and var start)
        {
            var end = template.IndexOf('}', start);
            if (end < 0)
                throw Bad("Fn::Sub", "has a ${ without its }");
            filled.Append(template, at, start - at);
            var name = template[(start + 2)..end].Trim();
            // ${!Literal} stays, without the mark.
            if (name.StartsWith('!'))
                filled.Append("${").Append(name.AsSpan(1)).Append('}');
            else if (own[name] is { } value)
                filled.Append(Text(value, "Fn::Sub"));
            else
                filled.Append(Text(name.Contains('.', StringComparison.Ordinal) ? Call("Fn::GetAtt", name) : Ref(name), "Fn::Sub"));
            at = end + 1;
        }

        return filled.Append(template, at, template.Length - at).ToString();
    }

    private bool Truth(JsonNode condition)
    {
        if (condition is not JsonObject { Count: 1 } call)
            throw new StackException("a condition is not a function");
        var (function, argument) = call.First();
        return function switch
        {
            "Condition" => Condition(Text(argument, function)),
            "Fn::Equals" => Arguments(argument, function, 2) is var two && JsonNode.DeepEquals(Evaluate(two[0]), Evaluate(two[1])),
            "Fn::Contains" => Arguments(argument, function, 2) is var search && Evaluate(search[1]) is var wanted
                && List(Evaluate(search[0]), function).Any(i => JsonNode.DeepEquals(i, wanted)),
            "Fn::Not" => !Truth(Arguments(argument, function, 1)[0]!),
            "Fn::And" => List(argument, function).All(a => Truth(a!)),
            "Fn::Or" => List(argument, function).Any(a => Truth(a!)),
            _ => throw new StackException($"the function {function} is not a condition"),
        };
    }

    private static JsonArray Arguments(JsonNode? node, string function, int count) =>
        List(node, function) is var list && list.Count == count && (function == "Fn::If" || list.All(a => a is not null))
            ? list
            : throw Bad(function, $"takes {count} arguments");

    private static JsonArray List(JsonNode? node, string function) => node as JsonArray ?? throw Bad(function, "takes a list");

    private static string Text(JsonNode? node, string function) => node?.GetValueKind() switch
    {
        JsonValueKind.String => node.GetValue<string>(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => node.ToJsonString(),
        _ => throw Bad(function, "takes text here"),
    };

    private static StackException Bad(string function, string problem) => new($"{function} {problem}");
}
