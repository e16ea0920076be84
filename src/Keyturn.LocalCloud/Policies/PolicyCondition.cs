using System.Globalization;
using System.Net;

namespace Keyturn.LocalCloud.Policies;

/// <summary>One key under one operator, such as <c>"Bool": {"iot:Connection.Thing.IsAttached": "true"}</c>.</summary>
internal sealed class PolicyCondition
{
    private readonly string _key;
    private readonly Func<string, PolicyContext, bool> _matches;
    private readonly bool _negated;
    private readonly bool _ifExists;
    private readonly Quantifier _quantifier;
    private readonly bool? _mustBeAbsent;

    private enum Quantifier
    {
        None,
        AnyValue,
        AllValues,
    }

    private PolicyCondition(
        string key, Func<string, PolicyContext, bool> matches, bool negated, bool ifExists, Quantifier quantifier, bool? mustBeAbsent)
    {
        _key = key;
        _matches = matches;
        _negated = negated;
        _ifExists = ifExists;
        _quantifier = quantifier;
        _mustBeAbsent = mustBeAbsent;
    }

    /// <exception cref="PolicyFormatException">The operator is unknown, or a value is not of its type.</exception>
    public static PolicyCondition Create(string operation, string key, IReadOnlyList<string> values, bool hasVariables)
    {
        var name = operation;
        var quantifier = Quantifier.None;
        if (name.StartsWith("ForAnyValue:", StringComparison.Ordinal))
            (name, quantifier) = (name["ForAnyValue:".Length..], Quantifier.AnyValue);
        else if (name.StartsWith("ForAllValues:", StringComparison.Ordinal))
            (name, quantifier) = (name["ForAllValues:".Length..], Quantifier.AllValues);
        var ifExists = name.EndsWith("IfExists", StringComparison.Ordinal) && name != "Null";
        if (ifExists)
            name = name[..^"IfExists".Length];
        if (values.Count == 0)
            throw new PolicyFormatException($"{operation} has no value for '{key}'.");
        if (name == "Null")
            return new PolicyCondition(key, (_, _) => true, false, false, quantifier, Booleans(values)[0]);

        var negated = name.Contains("Not", StringComparison.Ordinal);
        return new PolicyCondition(key, Matcher(operation, name, values, hasVariables), negated, ifExists, quantifier, null);
    }

    public bool Holds(PolicyContext context)
    {
        var actual = PolicyVariables.Resolve(_key, context);
        if (_mustBeAbsent is { } absent)
            return actual is null == absent;
        if (actual is null)
        {
            // A negated operator holds for a missing key, as in IAM; ForAllValues holds for an empty set.
            return _ifExists || _negated || _quantifier == Quantifier.AllValues;
        }

        return _quantifier == Quantifier.AllValues
            ? actual.All(v => _matches(v, context) != _negated)
            : actual.Any(v => _matches(v, context) != _negated);
    }

    private static Func<string, PolicyContext, bool> Matcher(
        string operation, string name, IReadOnlyList<string> values, bool hasVariables)
    {
        switch (name)
        {
            case "StringEquals" or "StringNotEquals":
                var exact = Patterns(values, hasVariables, wildcards: false);
                return (actual, context) => exact.Any(p => p.Matches(actual, context));
            case "StringEqualsIgnoreCase" or "StringNotEqualsIgnoreCase":
                var folded = Patterns(values, hasVariables, wildcards: false);
                return (actual, context) => folded.Any(p => p.Matches(actual, context, ignoreCase: true));
            case "StringLike" or "StringNotLike" or "ArnEquals" or "ArnNotEquals" or "ArnLike" or "ArnNotLike":
                var like = Patterns(values, hasVariables, wildcards: true);
                return (actual, context) => like.Any(p => p.Matches(actual, context));
            case "Bool":
                var booleans = Booleans(values);
                return (actual, _) => bool.TryParse(actual, out var value) && booleans.Contains(value);
            case "IpAddress" or "NotIpAddress":
                var networks = values.Select(Network).ToList();
                return (actual, _) => IPAddress.TryParse(actual, out var address) && networks.Any(n => n.Contains(Plain(address)));
            default:
                return Ordered(operation, name, values);
        }
    }

    private static Func<string, PolicyContext, bool> Ordered(string operation, string name, IReadOnlyList<string> values)
    {
        var (kind, comparison) = name.StartsWith("Numeric", StringComparison.Ordinal) ? ("Numeric", name["Numeric".Length..])
            : name.StartsWith("Date", StringComparison.Ordinal) ? ("Date", name["Date".Length..])
            : throw new PolicyFormatException($"'{operation}' is not a condition operator.");
        Func<int, bool> accepts = comparison switch
        {
            "Equals" or "NotEquals" => order => order == 0,
            "LessThan" => order => order < 0,
            "LessThanEquals" => order => order <= 0,
            "GreaterThan" => order => order > 0,
            "GreaterThanEquals" => order => order >= 0,
            _ => throw new PolicyFormatException($"'{operation}' is not a condition operator."),
        };
        Func<string, decimal?> read = kind == "Numeric" ? Number : Moment;
        var limits = values.Select(v => read(v) ?? throw new PolicyFormatException($"'{v}' is not a value for {operation}.")).ToList();
        return (actual, _) => read(actual) is { } value && limits.Any(limit => accepts(value.CompareTo(limit)));
    }

    private static List<PolicyPattern> Patterns(IReadOnlyList<string> values, bool hasVariables, bool wildcards) =>
        [.. values.Select(v => PolicyPattern.Parse(v, hasVariables, wildcards))];

    private static List<bool> Booleans(IReadOnlyList<string> values) =>
        [.. values.Select(v => bool.TryParse(v, out var value) ? value : throw new PolicyFormatException($"'{v}' is not a boolean."))];

    private static IPNetwork Network(string text)
    {
        if (!text.Contains('/', StringComparison.Ordinal) && IPAddress.TryParse(text, out var single))
            return new IPNetwork(single, single.GetAddressBytes().Length * 8);
        return IPNetwork.TryParse(text, out var network) ? network : throw new PolicyFormatException($"'{text}' is not an IP address range.");
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static decimal? Number(string text) =>
        decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static decimal? Moment(string text) =>
        Number(text) ?? (DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var value) ? value.ToUnixTimeSeconds() : null);
}
