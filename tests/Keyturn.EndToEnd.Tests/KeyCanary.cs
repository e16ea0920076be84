using System.Security.Cryptography;
using System.Text;

namespace Keyturn.EndToEnd.Tests;

/// <summary>The secret numbers of one private key, and every form in which they could have been written down.</summary>
internal sealed class KeyCanary
{
    private const int Window = 24;

    private readonly List<byte[]> binary = [];
    private readonly List<string> text = [];

    public KeyCanary(string pem)
    {
        foreach (var secret in Secrets(pem))
        {
            var window = secret.AsSpan((secret.Length - Window) / 2, Window).ToArray();
            binary.Add(window);
            text.Add(Convert.ToHexStringLower(window));
            // Base64 of any text that holds it: what its neighbours share in is cut off.
            for (var shift = 0; shift < 3; shift++)
                text.Add(Convert.ToBase64String([.. new byte[shift], .. window, .. new byte[3]])[(shift == 0 ? 0 : 4)..^8]);
        }
    }

    /// <summary>Where in the file one of the forms is, or nothing.</summary>
    public bool IsIn(byte[] content)
    {
        if (binary.Exists(b => content.AsSpan().IndexOf(b) >= 0))
            return true;
        // PEM breaks its lines, JSON writes the breaks and some signs out.
        var plain = Encoding.Latin1.GetString(content)
            .Replace("\\n", "", StringComparison.Ordinal).Replace("\\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal)
            .Replace("\\u002B", "+", StringComparison.OrdinalIgnoreCase).Replace("\\/", "/", StringComparison.Ordinal).Replace('-', '+').Replace('_', '/');
        var spread = plain.Replace(" ", "", StringComparison.Ordinal).Replace(":", "", StringComparison.Ordinal);
        return text.Exists(t => plain.Contains(t, StringComparison.Ordinal)) || text.Exists(t => t.All(char.IsAsciiHexDigitLower) && spread.Contains(t, StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<byte[]> Secrets(string pem)
    {
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            var numbers = rsa.ExportParameters(includePrivateParameters: true);
            return [numbers.D!, numbers.P!, numbers.Q!, numbers.DP!, numbers.DQ!, numbers.InverseQ!];
        }
        catch (CryptographicException)
        {
            using var ec = ECDsa.Create();
            ec.ImportFromPem(pem);
            return [ec.ExportParameters(includePrivateParameters: true).D!];
        }
    }
}
