using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>
/// A parameter's value, held to its constraints.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
/// </summary>
internal static class StackParameter
{
    private static readonly TimeSpan PatternTime = TimeSpan.FromSeconds(1);

    /// <summary>What the Systems Manager of a bootstrapped account holds.</summary>
    private static readonly Dictionary<string, string> SystemsManager = new(StringComparer.Ordinal)
    {
        ["/cdk-bootstrap/hnb659fds/version"] = "25",
    };

    public static JsonNode Value(string name, JsonObject parameter)
    {
        if (parameter["Default"] is not { } given)
            throw new StackException($"the parameter {name} has no Default; give it a value with --parameter {name}=VALUE");
        var text = Text(given);
        var type = parameter["Type"] is { } t ? Text(t) : "String";
        Check(name, parameter, type, text);
        if (type == "AWS::SSM::Parameter::Value<String>")
        {
            return SystemsManager.GetValueOrDefault(text)
                ?? throw new StackException($"the parameter {name}: Systems Manager has no parameter {text} here");
        }

        return type is "CommaDelimitedList" || type.StartsWith("List<", StringComparison.Ordinal)
            ? new JsonArray([.. text.Split(',', StringSplitOptions.TrimEntries).Select(p => (JsonNode)p)])
            : text;
    }

    private static void Check(string name, JsonObject parameter, string type, string text)
    {
        if (type == "Number" && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            throw Wrong("is not a number");
        if (parameter["AllowedValues"] is JsonArray allowed && !allowed.Any(a => a is not null && Text(a) == text))
            throw Wrong($"is none of {string.Join(", ", allowed.Select(a => a is null ? "" : Text(a)))}");
        if (parameter["AllowedPattern"] is { } pattern && !Matches(Text(pattern), text))
            throw Wrong($"does not match {Text(pattern)}");
        if (Limit("MinLength") is { } shortest && text.Length < shortest)
            throw Wrong($"is shorter than {shortest}");
        if (Limit("MaxLength") is { } longest && text.Length > longest)
            throw Wrong($"is longer than {longest}");
        if (type == "Number" && double.Parse(text, CultureInfo.InvariantCulture) is var number
            && ((Limit("MinValue") is { } least && number < least) || (Limit("MaxValue") is { } most && number > most)))
            throw Wrong("is out of its range");

        double? Limit(string member) => parameter[member] is { } limit
            && double.TryParse(Text(limit), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;

        StackException Wrong(string problem) => new($"the parameter {name}: its value '{text}' {problem}");
    }

    private static bool Matches(string pattern, string text)
    {
        try
        {
            return Regex.IsMatch(text, $@"\A(?:{pattern})\z", RegexOptions.CultureInvariant, PatternTime);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            throw new StackException($"the AllowedPattern {pattern} can't be evaluated");
        }
    }

    private static string Text(JsonNode node) => node.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : node.ToJsonString();
}
