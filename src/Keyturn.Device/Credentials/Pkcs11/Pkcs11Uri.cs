using System.Text;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// A <c>pkcs11:</c> URI (RFC 7512) as Greengrass takes it: <c>object</c> names the label of key and certificate, <c>type</c> says which of them is meant. What
/// else Greengrass ignores is ignored here too, a PIN above all: it is neither used nor shown. Only <c>id</c> is refused.
/// </summary>
internal sealed record Pkcs11Uri(string Label, string? Type)
{
    public const string Scheme = "pkcs11:";

    public static bool IsOne(string text) => text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <param name="what">The setting that holds it; the URI itself may hold a PIN and is never repeated.</param>
    /// <param name="type"><c>private</c> or <c>cert</c>.</param>
    public static Pkcs11Uri Parse(string text, string what, string type)
    {
        var path = text[Scheme.Length..].Split('?')[0];
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in path.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Split('=', 2) is not [{ Length: > 0 } name, var value] || Decode(value) is not { } decoded)
                throw Refused(what, "is not a PKCS#11 URI: one of its attributes is not written name=value with percent-encoding");
            if (!attributes.TryAdd(name, decoded))
                throw Refused(what, $"names {name} twice");
        }
        if (!attributes.TryGetValue("object", out var label) || label.Length == 0)
            throw Refused(what, "names no object; Greengrass finds key and certificate by their label: write pkcs11:object=LABEL;type=" + type);
        if (attributes.ContainsKey("id"))
        {
            throw Refused(what, "names an id. A new key has another id, so the nucleus would not find it after a rotation: write the URI with object and type only");
        }
        if (attributes.TryGetValue("type", out var given) && given != type)
            throw Refused(what, $"has type={given} where type={type} belongs");
        return new Pkcs11Uri(label, given);
    }

    public string ToText(string type) => $"{Scheme}object={Uri.EscapeDataString(Label)};type={type}";

    private static CredentialException Refused(string what, string why) => new($"{what} {why}. Nothing was changed");

    /// <summary>Nothing when a percent sign is not followed by two hex digits, or the bytes are not UTF-8.</summary>
    private static string? Decode(string value)
    {
        var raw = Encoding.UTF8.GetBytes(value);
        var bytes = new List<byte>(raw.Length);
        for (var i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '%')
            {
                bytes.Add(raw[i]);
                continue;
            }
            if (i + 2 >= raw.Length || !char.IsAsciiHexDigit((char)raw[i + 1]) || !char.IsAsciiHexDigit((char)raw[i + 2]))
                return null;
            bytes.Add(Convert.FromHexString([(char)raw[i + 1], (char)raw[i + 2]])[0]);
            i += 2;
        }
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString([.. bytes]);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
