using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Iam;

/// <summary>An identity or resource policy of IAM: effect, actions, resources, principals, and the conditions in use here.</summary>
internal sealed class IamPolicy
{
    private readonly List<Statement> _statements = [];

    /// <summary>Throws <see cref="FormatException"/> for what is not a policy, or has a part that this cloud can't evaluate.</summary>
    public static IamPolicy Parse(JsonNode? document)
    {
        if (document is not JsonObject policy || policy["Statement"] is not { } statements)
            throw new FormatException("a policy needs a Statement");
        var parsed = new IamPolicy();
        foreach (var statement in statements is JsonArray list ? list.AsEnumerable() : [statements])
            parsed._statements.Add(Statement.Parse(statement as JsonObject ?? throw new FormatException("a Statement is not an object")));
        return parsed;
    }

    public IEnumerable<string> AllowedActions => _statements.Where(s => s.Allows && !s.Actions.Inverted).SelectMany(s => s.Actions.Values);

    /// <summary>The actions, as the statements write them, that allow the request; a statement that names two of them counts twice.</summary>
    public IEnumerable<string> Grants(IamRequest request) =>
        _statements.Where(s => s.Allows && s.AppliesTo(request)).SelectMany(s => s.Actions.Matching(request.Action));

    /// <returns>True for an allow, false for an explicit deny, null when no statement speaks of the request.</returns>
    public bool? Evaluate(IamRequest request)
    {
        bool? answer = null;
        foreach (var statement in _statements.Where(s => s.AppliesTo(request)))
        {
            if (!statement.Allows)
                return false;
            answer = true;
        }

        return answer;
    }

    private sealed record Statement(
        bool Allows, Patterns Actions, Patterns? Resources, Patterns? Principals, IReadOnlyList<(string Operator, string Key, Patterns Values)> Conditions)
    {
        public static Statement Parse(JsonObject json) => new(
            json["Effect"]?.ToString() switch
            {
                "Allow" => true,
                "Deny" => false,
                _ => throw new FormatException("Effect is neither Allow nor Deny"),
            },
            Patterns.Parse(json, "Action", "NotAction", ignoreCase: true) ?? throw new FormatException("a Statement needs an Action"),
            Patterns.Parse(json, "Resource", "NotResource", ignoreCase: false),
            json["Principal"] is { } principal ? PrincipalPatterns(principal) : null,
            [.. from test in (json["Condition"] as JsonObject ?? []).ToList()
                from key in (test.Value as JsonObject ?? throw new FormatException("a Condition is not an object")).ToList()
                select (Known(test.Key), key.Key, Patterns.Of(key.Value, ignoreCase: false))]);

        public bool AppliesTo(IamRequest request) =>
            Actions.Match(request.Action)
            && (Resources is null || request.Resources.All(Resources.Match))
            && (Principals is null || (request.Principal is not null && Principals.Match(request.Principal)))
            && Conditions.All(c => Holds(c.Operator, request.Context.GetValueOrDefault(c.Key), c.Values));

        private static Patterns PrincipalPatterns(JsonNode principal) => principal is JsonObject kinds
            ? Patterns.Of(new JsonArray([.. kinds.SelectMany(k => k.Value is JsonArray a ? a.AsEnumerable() : [k.Value]).Select(v => v?.DeepClone())]), ignoreCase: false)
            : Patterns.Of(principal, ignoreCase: false);

        private static string Known(string test) => test is "StringEquals" or "StringLike" or "ArnEquals" or "ArnLike" or "Bool"
            or "StringNotEquals" or "StringNotLike" or "ForAllValues:StringEquals" or "ForAllValues:StringLike"
            ? test
            : throw new FormatException($"the condition operator {test} is not one that this cloud evaluates");

        private static bool Holds(string test, IReadOnlyList<string>? values, Patterns wanted) => test switch
        {
            // Vacuously true without a value, as on AWS.
            "ForAllValues:StringEquals" => (values ?? []).All(wanted.Contains),
            "ForAllValues:StringLike" => (values ?? []).All(wanted.Match),
            "StringNotEquals" => values is not [var value] || !wanted.Contains(value),
            "StringNotLike" => values is not [var value] || !wanted.Match(value),
            "StringEquals" => values is [var value] && wanted.Contains(value),
            "Bool" => values is [var value] && wanted.Contains(value.ToLowerInvariant()),
            _ => values is [var value] && wanted.Match(value),
        };
    }

    private sealed record Patterns(IReadOnlyList<string> Values, bool Inverted, bool IgnoreCase)
    {
        public static Patterns? Parse(JsonObject json, string name, string inverse, bool ignoreCase) =>
            json[name] is { } value ? Of(value, ignoreCase)
            : json[inverse] is { } not ? Of(not, ignoreCase) with { Inverted = true }
            : null;

        public static Patterns Of(JsonNode? node, bool ignoreCase) =>
            new([.. (node is JsonArray list ? list.AsEnumerable() : [node]).Select(Text)], false, ignoreCase);

        public bool Match(string value) => Inverted != Values.Any(p => Wildcard.Matches(p, value, IgnoreCase));

        public IEnumerable<string> Matching(string value) => Inverted ? [""] : Values.Where(p => Wildcard.Matches(p, value, IgnoreCase));

        public bool Contains(string value) => Values.Contains(value, StringComparer.Ordinal);

        private static string Text(JsonNode? node) => node?.GetValueKind() switch
        {
            JsonValueKind.String => node.GetValue<string>(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => throw new FormatException("a value in a policy is not a string"),
        };
    }
}

/// <param name="Context">Condition keys and their values.</param>
/// <param name="Principal">Who asks, for resource policies: a service name or an ARN.</param>
internal sealed record IamRequest(
    string Action, IReadOnlyList<string> Resources, IReadOnlyDictionary<string, IReadOnlyList<string>> Context, string? Principal = null)
{
    public IamRequest(string action, string resource)
        : this(action, [resource], Defaults)
    {
    }

    /// <summary>A service of the account wants to act as a role.</summary>
    public static IamRequest ToAssume(string service) => new("sts:AssumeRole", [], Defaults, service);

    /// <summary>The same with the value of one more condition key; null leaves the key out.</summary>
    public IamRequest With(string key, string? value)
    {
        if (value is null)
            return this;
        return this with { Context = new Dictionary<string, IReadOnlyList<string>>(Context, StringComparer.OrdinalIgnoreCase) { [key] = [value] } };
    }

    /// <summary>The API port is plain HTTP within one machine; to a policy that asks for TLS it counts as safe.</summary>
    private static Dictionary<string, IReadOnlyList<string>> Defaults => new(StringComparer.OrdinalIgnoreCase)
    {
        ["aws:SecureTransport"] = ["true"],
        ["aws:SourceAccount"] = [CloudAccount.Local.Id],
        ["aws:PrincipalAccount"] = [CloudAccount.Local.Id],
    };
}
