using System.Globalization;
using Keyturn.Backend.Aws;
using Keyturn.Contracts;

namespace Keyturn.Lambda;

/// <summary>The function's environment variables, as the stack sets them. A wrong one stops the function before it does anything.</summary>
internal sealed class Settings(Func<string, string?> variable)
{
    /// <summary>How long a retired certificate is kept INACTIVE before it is detached and deleted.</summary>
    public TimeSpan RetirementGrace => TimeSpan.FromHours(Number("RETIREMENT_GRACE_HOURS", 0, 24 * 90));

    /// <summary>How long a device may not be heard before the operators are told.</summary>
    public TimeSpan SilentAfter => TimeSpan.FromHours(Number("SILENT_AFTER_HOURS", 72, 24 * 365, least: 25));

    /// <summary>Null: the records of what is over never expire.</summary>
    public TimeSpan? TrailRetention => Number("TRAIL_RETENTION_DAYS", 0, 36_500) is > 0 and var days ? TimeSpan.FromDays(days) : null;

    /// <summary>Null: all.</summary>
    public IReadOnlyCollection<KeyAlgorithm>? AllowedKeys => Optional("ALLOWED_KEY_ALGORITHMS") is { } names
        ? [.. names.Split(',', StringSplitOptions.TrimEntries).Select(AlgorithmOf)]
        : null;

    /// <summary>Null: AWS IoT issues.</summary>
    public PrivateCaSettings? PrivateCa => Optional("PCA_CA_ARN") is { } authority
        ? new PrivateCaSettings(
            Arn("PCA_CA_ARN", authority, ":certificate-authority/"), SigningAlgorithm, Number("PCA_VALIDITY_IN_DAYS", 7, 36_500, least: 1),
            Optional("PCA_TEMPLATE_ARN") is { } template ? Arn("PCA_TEMPLATE_ARN", template, ":template/") : null)
        : null;

    private string SigningAlgorithm => Optional("PCA_SIGNING_ALGORITHM") is not { } name ? "SHA256WITHRSA"
        : PrivateCaSettings.SigningAlgorithms.Contains(name) ? name
        : throw new InvalidOperationException(
            $"PCA_SIGNING_ALGORITHM is '{name}'; it takes {string.Join(", ", PrivateCaSettings.SigningAlgorithms)}.");

    public string? Optional(string name) => variable(name) is { Length: > 0 } value ? value : null;

    public string Required(string name) =>
        Optional(name) ?? throw new InvalidOperationException($"{name} is not set; the stack's template sets it in the function's environment.");

    private static string Arn(string name, string value, string kind) =>
        value.StartsWith("arn:", StringComparison.Ordinal) && value.Contains(":acm-pca:", StringComparison.Ordinal) && value.Contains(kind, StringComparison.Ordinal)
            ? value
            : throw new InvalidOperationException($"{name} is '{value}'; it takes an ARN of AWS Private CA with '{kind}' in it. Nothing was issued.");

    private static KeyAlgorithm AlgorithmOf(string name) =>
        KeyAlgorithm.Find(name) ?? throw new InvalidOperationException(
            $"ALLOWED_KEY_ALGORITHMS names '{name}'; it takes {string.Join(", ", KeyAlgorithm.All)}, separated by commas, or nothing for all of them.");

    private int Number(string name, int otherwise, int most, int least = 0) =>
        Optional(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
        : throw new InvalidOperationException($"{name} is '{text}'; it takes a whole number from {least} to {most}.");
}
