using System.Text;
using System.Text.Json;

namespace Keyturn.LocalCloud.Policies;

/// <summary>Reads a policy document as strictly as AWS IoT does when it is created.</summary>
internal static class PolicyReader
{
    /// <summary>The published limit of a policy document, white space aside.</summary>
    private const int MaxLength = 2048;

    private static readonly string[] Versions = ["2012-10-17", "2008-10-17"];
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    public static PolicyDocument Read(string text)
    {
        if (text.Count(c => !char.IsWhiteSpace(c)) > MaxLength)
            throw new PolicyFormatException($"Policy document is longer than {MaxLength} characters.");
        try
        {
            using var json = JsonDocument.Parse(text, Strict);
            return ReadDocument(json.RootElement);
        }
        // A lone surrogate in an escape is found only when the string is read.
        catch (Exception e) when (e is JsonException or InvalidOperationException or EncoderFallbackException)
        {
            throw new PolicyFormatException("Policy document is not valid JSON.");
        }
    }

    private static PolicyDocument ReadDocument(JsonElement root)
    {
        var members = Members(root, "Policy document", "Version", "Id", "Statement");
        var version = members.TryGetValue("Version", out var v) ? Text(v, "Version") : "2008-10-17";
        if (!Versions.Contains(version))
            throw new PolicyFormatException($"Version '{version}' is not supported.");
        if (!members.TryGetValue("Statement", out var statement))
            throw new PolicyFormatException("Missing required field Statement.");
        var hasVariables = version == Versions[0];
        var statements = Several(statement).Select(s => ReadStatement(s, hasVariables)).ToList();
        if (statements.Count == 0)
            throw new PolicyFormatException("Statement is empty.");
        return new PolicyDocument(statements);
    }

    private static PolicyStatement ReadStatement(JsonElement json, bool hasVariables)
    {
        var members = Members(
            json, "Statement", "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition");
        if (members.TryGetValue("Sid", out var sid))
            Text(sid, "Sid");
        if (!members.TryGetValue("Effect", out var effect))
            throw new PolicyFormatException("Missing required field Effect.");
        var (actions, exceptActions) = Either(members, "Action");
        var (resources, exceptResources) = Either(members, "Resource");
        return new PolicyStatement(
            Text(effect, "Effect") switch
            {
                "Allow" => PolicyEffect.Allow,
                "Deny" => PolicyEffect.Deny,
                var other => throw new PolicyFormatException($"Effect '{other}' is neither Allow nor Deny."),
            },
            [.. actions.Select(a => ReadAction(a))], exceptActions,
            [.. resources.Select(r => ReadResource(r, hasVariables))], exceptResources,
            members.TryGetValue("Condition", out var condition) ? ReadConditions(condition, hasVariables) : []);
    }

    private static (List<string> Values, bool IsNegated) Either(Dictionary<string, JsonElement> members, string name)
    {
        var has = members.TryGetValue(name, out var plain);
        if (members.TryGetValue("Not" + name, out var negated) == has)
            throw new PolicyFormatException(has ? $"{name} and Not{name} exclude each other." : $"Missing required field {name}.");
        var values = Several(has ? plain : negated).Select(e => Text(e, name)).ToList();
        if (values.Count == 0)
            throw new PolicyFormatException($"{name} is empty.");
        return (values, !has);
    }

    private static PolicyPattern ReadAction(string action)
    {
        var colon = action.IndexOf(':', StringComparison.Ordinal);
        if (action != "*" && (colon <= 0 || colon == action.Length - 1 || action.AsSpan(colon + 1).Contains(':')
            || action.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not (':' or '*' or '?' or '-'))))
            throw new PolicyFormatException($"Action '{action}' is not of the form service:Action.");
        return PolicyPattern.Parse(action, hasVariables: false);
    }

    private static PolicyPattern ReadResource(string resource, bool hasVariables)
    {
        if (resource != "*" && (!resource.StartsWith("arn:", StringComparison.Ordinal) || resource.Split(':').Length < 6)
            && !resource.Contains('*', StringComparison.Ordinal))
            throw new PolicyFormatException($"Resource '{resource}' is not an ARN.");
        return PolicyPattern.Parse(resource, hasVariables);
    }

    private static List<PolicyCondition> ReadConditions(JsonElement json, bool hasVariables)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new PolicyFormatException("Condition is not an object.");
        var conditions = new List<PolicyCondition>();
        foreach (var operation in json.EnumerateObject())
        {
            if (operation.Value.ValueKind != JsonValueKind.Object)
                throw new PolicyFormatException($"{operation.Name} is not an object.");
            foreach (var key in operation.Value.EnumerateObject())
            {
                if (!PolicyVariables.IsWellFormed(key.Name))
                    throw new PolicyFormatException($"'{key.Name}' is not a condition key.");
                var values = Several(key.Value).Select(ConditionValue).ToList();
                conditions.Add(PolicyCondition.Create(operation.Name, key.Name, values, hasVariables));
            }
        }

        return conditions;
    }

    private static string ConditionValue(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Number => value.GetRawText(),
        _ => throw new PolicyFormatException("A condition's value is neither text nor number nor boolean."),
    };

    private static Dictionary<string, JsonElement> Members(JsonElement json, string what, params ReadOnlySpan<string> known)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new PolicyFormatException($"{what} is not an object.");
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in json.EnumerateObject())
        {
            if (!known.Contains(member.Name))
                throw new PolicyFormatException($"{what} has the unknown field '{member.Name}'.");
            members.Add(member.Name, member.Value);
        }

        return members;
    }

    private static List<JsonElement> Several(JsonElement json) =>
        json.ValueKind == JsonValueKind.Array ? [.. json.EnumerateArray()] : [json];

    private static string Text(JsonElement json, string what) =>
        json.ValueKind == JsonValueKind.String ? json.GetString()! : throw new PolicyFormatException($"{what} is not a string.");
}
