using System.Globalization;
using System.Text.Json;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;

namespace Keyturn.Device.Greengrass;

/// <summary>
/// The component's own configuration. <c>keyAlgorithm</c> and <c>signingAlgorithm</c> have the reference's names and must be there; <c>preflight</c>
/// (<c>auto</c>, <c>on</c>, <c>off</c>), <c>timeLimits.preflightSeconds</c> and <c>timeLimits.deferDeploymentSeconds</c> are ours and may be left out.
/// </summary>
internal static class ComponentConfiguration
{
    private const string KeyAlgorithmKey = "keyAlgorithm", SigningAlgorithmKey = "signingAlgorithm", PreflightKey = "preflight", TimeLimitsKey = "timeLimits";
    private const int ShortestPreflight = 30, LongestPreflight = 1800;
    private static readonly int LongestDeferral = (int)ComponentSettings.DefaultLongestDeferral.TotalSeconds;

    /// <summary>What it says, or why it can't be used.</summary>
    public static (ComponentSettings? Settings, string? Problem) Read(JsonElement configuration)
    {
        try
        {
            if (configuration.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException($"{KeyAlgorithmKey} is missing: there is no configuration");
            var limits = configuration.TryGetProperty(TimeLimitsKey, out var given) ? given : default;
            if (limits.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Object))
                throw new InvalidDataException($"{TimeLimitsKey} is not a map");
            return (new ComponentSettings(
                Keys(configuration),
                new PreflightOptions(Mode(configuration), Seconds(limits, "preflightSeconds", ShortestPreflight, LongestPreflight) ?? PreflightOptions.Default.Limit),
                Seconds(limits, "deferDeploymentSeconds", 0, LongestDeferral) ?? ComponentSettings.DefaultLongestDeferral), null);
        }
        catch (InvalidDataException e)
        {
            return (null, e.Message);
        }
        catch (InvalidOperationException)
        {
            return (null, "a text in it is no Unicode: it holds half of a surrogate pair");
        }
    }

    private static KeyOptions Keys(JsonElement configuration)
    {
        var (key, signing) = (Text(configuration, KeyAlgorithmKey), Text(configuration, SigningAlgorithmKey));
        var keyAlgorithm = KeyAlgorithm.Find(key)
            ?? throw new InvalidDataException($"{KeyAlgorithmKey} '{key}' is none of {string.Join(", ", KeyAlgorithm.All)}");
        var signingAlgorithm = SigningAlgorithm.Find(signing)
            ?? throw new InvalidDataException($"{SigningAlgorithmKey} '{signing}' is none of {string.Join(", ", SigningAlgorithm.All)}");
        return signingAlgorithm.Suits(keyAlgorithm)
            ? new KeyOptions(keyAlgorithm, signingAlgorithm)
            : throw new InvalidDataException($"a {keyAlgorithm} key can't sign with {signingAlgorithm}: choose both from one family");
    }

    private static PreflightMode Mode(JsonElement configuration) => !configuration.TryGetProperty(PreflightKey, out var value)
        ? PreflightOptions.Default.Mode
        : value switch
        {
            { ValueKind: JsonValueKind.String } when value.ValueEquals("auto") => PreflightMode.Auto,
            // YAML reads on and off without quotes as true and false.
            { ValueKind: JsonValueKind.True } => PreflightMode.On,
            { ValueKind: JsonValueKind.False } => PreflightMode.Off,
            { ValueKind: JsonValueKind.String } when value.ValueEquals("on") => PreflightMode.On,
            { ValueKind: JsonValueKind.String } when value.ValueEquals("off") => PreflightMode.Off,
            _ => throw new InvalidDataException($"{PreflightKey} '{value}' is none of auto, on, off"),
        };

    /// <summary>Deployments write numbers as text now and then.</summary>
    private static TimeSpan? Seconds(JsonElement limits, string name, int least, int most)
    {
        if (limits.ValueKind == JsonValueKind.Undefined || !limits.TryGetProperty(name, out var value))
            return null;
        var seconds = value switch
        {
            { ValueKind: JsonValueKind.Number } when value.TryGetInt32(out var number) => number,
            { ValueKind: JsonValueKind.String } when int.TryParse(value.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) => number,
            _ => -1,
        };
        return seconds >= least && seconds <= most
            ? TimeSpan.FromSeconds(seconds)
            : throw new InvalidDataException($"{TimeLimitsKey}.{name} '{value}' is no whole number from {least} to {most}");
    }

    private static string Text(JsonElement configuration, string name) =>
        configuration.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw new InvalidDataException($"{name} is missing or not a string");
}
