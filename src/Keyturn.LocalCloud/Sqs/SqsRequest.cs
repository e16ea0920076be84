using System.Globalization;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>
/// One operation in either of SQS's protocols: JSON as SDKs of today send it, or a form as those of before 2023 do.
/// </summary>
internal sealed class SqsRequest(ApiRequest request)
{
    public bool IsJson { get; } = request.Headers.ContainsKey("x-amz-target");

    public string? Text(string name) => IsJson ? request.Json.Text("sqs", name) : request.Query[name].FirstOrDefault();

    public string Required(string name) => Text(name) is { Length: > 0 } value
        ? value
        : throw SqsErrors.Missing(name);

    public int? Number(string name, int min, int max)
    {
        long? value = IsJson ? request.Json.Number("sqs", name)
            : request.Query[name].FirstOrDefault() is not { } text ? null
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
            : throw SqsErrors.Invalid($"Value {text} for parameter {name} is invalid. Reason: Must be an integer.");
        return value is null || (value >= min && value <= max)
            ? (int?)value
            : throw SqsErrors.Invalid($"Value {value} for parameter {name} is invalid. Reason: Must be between {min} and {max}, if provided.");
    }

    public IReadOnlyDictionary<string, string> Attributes()
    {
        var read = new Dictionary<string, string>(StringComparer.Ordinal);
        if (IsJson)
        {
            foreach (var (name, _) in request.Json.Object("sqs", "Attributes") ?? [])
                read[name] = request.Json.Object("sqs", "Attributes")!.Text("sqs", name) ?? "";
            return read;
        }

        foreach (var entry in QueryForm.Entries(request, "Attribute"))
        {
            if (entry.TryGetValue("Name", out var name))
                read[name] = entry.GetValueOrDefault("Value", "");
        }

        return read;
    }

    /// <summary>Tags are not kept, but must be such.</summary>
    public void CheckTags()
    {
        var tags = IsJson ? request.Json.Object("sqs", "tags") ?? [] : [];
        foreach (var (name, _) in tags)
            tags.Text("sqs", name);
    }

    /// <summary>Names of attributes that are asked for.</summary>
    public IReadOnlyList<string> AttributeNames(params string[] members)
    {
        if (IsJson)
            return [.. members.SelectMany(m => request.Texts(m) ?? [])];
        return [.. from parameter in request.Query
            where parameter.Key.StartsWith("AttributeName.", StringComparison.Ordinal)
            from value in parameter
            select value];
    }

    public bool Has(string jsonMember, string formPrefix) =>
        IsJson ? request.Json[jsonMember] is not null : request.Query.Any(q => q.Key.StartsWith(formPrefix + ".", StringComparison.Ordinal));
}
