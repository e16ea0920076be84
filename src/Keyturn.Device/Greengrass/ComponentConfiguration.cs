using System.Text.Json;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;

namespace Keyturn.Device.Greengrass;

/// <summary>The component's own configuration, with the reference's names.</summary>
internal static class ComponentConfiguration
{
    /// <summary>What it says, or why it can't be used.</summary>
    public static (KeyOptions? Options, string? Problem) Read(JsonElement configuration)
    {
        var (key, signing) = (Text(configuration, "keyAlgorithm"), Text(configuration, "signingAlgorithm"));
        if (key is null || signing is null)
            return (null, $"{(key is null ? "keyAlgorithm" : "signingAlgorithm")} is missing or not a string");
        if (KeyAlgorithm.Find(key) is not { } keyAlgorithm)
            return (null, $"keyAlgorithm '{key}' is none of {string.Join(", ", KeyAlgorithm.All)}");
        if (SigningAlgorithm.Find(signing) is not { } signingAlgorithm)
            return (null, $"signingAlgorithm '{signing}' is none of {string.Join(", ", SigningAlgorithm.All)}");
        return signingAlgorithm.Suits(keyAlgorithm)
            ? (new KeyOptions(keyAlgorithm, signingAlgorithm), null)
            : (null, $"a {keyAlgorithm} key can't sign with {signingAlgorithm}: choose both from one family");
    }

    private static string? Text(JsonElement configuration, string name) =>
        configuration.ValueKind == JsonValueKind.Object && configuration.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
