using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.Api;

/// <summary>Reads members of a request with the constraints of the API model, refusing as AWS words it.</summary>
internal static class RequestMembers
{
    public static string Label(this ApiRequest request, string name, MemberRule? rule = null) =>
        Check(name, request.Labels[name], rule);

    public static string? QueryText(this ApiRequest request, string name, MemberRule? rule = null) =>
        request.Query[name].FirstOrDefault() is { } value ? Check(name, value, rule) : null;

    public static bool QueryFlag(this ApiRequest request, string name, bool otherwise = false) => request.QueryText(name) switch
    {
        null or "" => otherwise,
        "true" => true,
        "false" => false,
        var other => throw Invalid($"Value '{other}' at '{name}' is not a boolean: write true or false."),
    };

    public static long? QueryNumber(this ApiRequest request, string name, long min, long max)
    {
        if (request.QueryText(name) is not { } text)
            return null;
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            throw Invalid($"Value '{text}' at '{name}' is not a number.");
        return Range(name, value, min, max);
    }

    public static string Header(this ApiRequest request, string name, string member) =>
        request.Headers.TryGetValue(name, out var value) && value.Length > 0 ? value : throw Missing(member);

    public static string? Text(this ApiRequest request, string name, MemberRule? rule = null) =>
        request.Json.Text(request.Operation.Service, name, rule);

    public static string RequiredText(this ApiRequest request, string name, MemberRule? rule = null) =>
        request.Text(name, rule) ?? throw Missing(name);

    public static bool? Flag(this ApiRequest request, string name) => request.Json.Flag(request.Operation.Service, name);

    public static long? Number(this ApiRequest request, string name, long min = long.MinValue, long max = long.MaxValue) =>
        request.Json.Number(request.Operation.Service, name) is { } value ? Range(name, value, min, max) : null;

    public static JsonObject? Object(this ApiRequest request, string name) => request.Json.Object(request.Operation.Service, name);

    public static IReadOnlyList<string>? Texts(this ApiRequest request, string name, MemberRule? rule = null) =>
        request.Json.Texts(request.Operation.Service, name, rule);

    public static string? Text(this JsonObject json, string service, string name, MemberRule? rule = null) => json[name] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Check(name, value.GetValue<string>(), rule),
        _ => throw RequestBody.Malformed(service, $"'{name}' is not a string."),
    };

    public static bool? Flag(this JsonObject json, string service, string name) => json[name]?.GetValueKind() switch
    {
        null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw RequestBody.Malformed(service, $"'{name}' is not a boolean."),
    };

    public static long? Number(this JsonObject json, string service, string name) => json[name] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out long number) => number,
        _ => throw RequestBody.Malformed(service, $"'{name}' is not a whole number."),
    };

    public static JsonObject? Object(this JsonObject json, string service, string name) => json[name] switch
    {
        null => null,
        JsonObject value => value,
        _ => throw RequestBody.Malformed(service, $"'{name}' is not a structure."),
    };

    public static JsonArray? Array(this JsonObject json, string service, string name) => json[name] switch
    {
        null => null,
        JsonArray value => value,
        _ => throw RequestBody.Malformed(service, $"'{name}' is not a list."),
    };

    public static IReadOnlyList<string>? Texts(this JsonObject json, string service, string name, MemberRule? rule = null) =>
        json.Array(service, name)?.Select(item => item?.GetValueKind() == JsonValueKind.String
            ? Check(name, item.GetValue<string>(), rule)
            : throw RequestBody.Malformed(service, $"'{name}' is not a list of strings.")).ToList();

    public static ApiException Missing(string name) =>
        Invalid($"1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null");

    public static ApiException Invalid(string message) => new ConstraintException(message);

    private static long Range(string name, long value, long min, long max) => value >= min && value <= max
        ? value
        : throw Invalid(
            $"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have value between {min} and {max}");

    private static string Check(string name, string value, MemberRule? rule)
    {
        if (rule is null)
            return value;
        if (value.Length < rule.MinLength)
            throw Broken(name, value, $"Member must have length greater than or equal to {rule.MinLength}");
        if (value.Length > rule.MaxLength)
            throw Broken(name, value, $"Member must have length less than or equal to {rule.MaxLength}");
        if (rule.Pattern is { } pattern && !pattern.IsMatch(value))
            throw Broken(name, value, $"Member must satisfy regular expression pattern: {rule.Shown}");
        if (rule.Values is { } values && !values.Contains(value, StringComparer.Ordinal))
            throw Broken(name, value, $"Member must satisfy enum value set: [{string.Join(", ", values)}]");
        return value;
    }

    private static ApiException Broken(string name, string value, string constraint)
    {
        var shown = value.Length > 200 ? value[..200] + "…" : value;
        return Invalid($"1 validation error detected: Value '{shown}' at '{name}' failed to satisfy constraint: {constraint}");
    }
}

/// <summary>Constraints of one string shape.</summary>
internal sealed class MemberRule(int minLength = 0, int maxLength = int.MaxValue, string? pattern = null, IReadOnlyList<string>? values = null)
{
    public int MinLength { get; } = minLength;

    public int MaxLength { get; } = maxLength;

    /// <summary>The pattern as the model has it.</summary>
    public string? Shown { get; } = pattern;

    public Regex? Pattern { get; } = pattern is null ? null : new Regex($@"\A(?:{pattern})\z", RegexOptions.CultureInvariant);

    public IReadOnlyList<string>? Values { get; } = values;
}
