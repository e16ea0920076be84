using System.Globalization;
using System.Text.Json;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>How to reach the token, from the configuration of <c>aws.greengrass.crypto.Pkcs11Provider</c>. No record: it would print its PIN.</summary>
internal sealed class Pkcs11Options(string library, ulong slot, string? userPin)
{
    public const string Component = "aws.greengrass.crypto.Pkcs11Provider";

    public string Library { get; } = library;

    public ulong Slot { get; } = slot;

    /// <summary>Nothing for a token that asks for none.</summary>
    public string? UserPin { get; } = userPin;

    public static Pkcs11Options From(JsonElement configuration)
    {
        var (library, slot) = (Text(configuration, "library"), Text(configuration, "slot"));
        if (library is null)
            throw new CredentialException($"{Component} is not configured with a library. Nothing was changed. Deploy it with the path of the token's PKCS#11 module");
        // Greengrass takes a number, and a number written as text.
        return ulong.TryParse(slot, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new Pkcs11Options(library, number, Text(configuration, "userPin"))
            : throw new CredentialException($"slot of {Component} is {(slot is null ? "missing" : "no number")}. Nothing was changed. Set it to the number of the token's slot");
    }

    private static string? Text(JsonElement configuration, string name) =>
        configuration.ValueKind != JsonValueKind.Object || !configuration.TryGetProperty(name, out var value)
            ? null
            : value.ValueKind switch
            {
                JsonValueKind.String => value.GetString() is { Length: > 0 } text ? text : null,
                JsonValueKind.Number => value.GetRawText(),
                _ => null,
            };
}
