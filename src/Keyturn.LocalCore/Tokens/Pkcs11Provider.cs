using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Tokens;

/// <summary>
/// The token as the nucleus's PKCS#11 provider reaches it. The key is used through OpenSSL's engine for PKCS#11, the certificate is read with pkcs11-tool:
/// neither shares anything with how the component does it.
/// </summary>
internal sealed record Pkcs11Provider(string Library, string Slot, string UserPin)
{
    public const string Component = "aws.greengrass.crypto.Pkcs11Provider";
    public const string Scheme = "pkcs11:";

    public static Pkcs11Provider From(ConfigurationStore store)
    {
        string Value(string name) => store.ReadString("services", Component, "configuration", name) is { Length: > 0 } value
            ? value
            : throw new TokenException($"{Component} is not configured with {name}");
        return new(Value("library"), Value("slot"), Value("userPin"));
    }

    /// <summary>The attribute <c>object</c> of a URI.</summary>
    public static string LabelOf(string uri) => uri[Scheme.Length..].Split('?')[0].Split(';').Select(part => part.Split('=', 2))
        .Where(part => part is ["object", _]).Select(part => Uri.UnescapeDataString(part[1])).FirstOrDefault()
        ?? throw new TokenException("the URI of the private key or certificate names no object");

    public string Tool(params IEnumerable<string> arguments) =>
        OtherProgram.Run("pkcs11-tool", ["--module", Library, "--slot", Slot, "--login", "--pin", UserPin, .. arguments]);

    public X509Certificate2 ReadCertificate(string label)
    {
        var file = Path.GetTempFileName();
        try
        {
            Tool("--read-object", "--type", "cert", "--label", label, "--output-file", file);
            return X509CertificateLoader.LoadCertificateFromFile(file);
        }
        catch (CryptographicException problem)
        {
            throw new TokenException($"no certificate '{label}' can be read from the token: {problem.Message}", problem);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The key itself stays where it is: what is returned asks the token for each signature.</summary>
    public AsymmetricAlgorithm OpenKey(string label)
    {
        try
        {
            // Read when the engine is loaded, once in the life of a process.
            Posix.SetEnvironment("PKCS11_MODULE_PATH", Library);
            var uri = $"{Scheme}object={Uri.EscapeDataString(label)};type=private;pin-value={Uri.EscapeDataString(UserPin)}";
            using var key = SafeEvpPKeyHandle.OpenPrivateKeyFromEngine("pkcs11", uri);
            try
            {
                return new RSAOpenSsl(key);
            }
            catch (CryptographicException)
            {
                return new ECDsaOpenSsl(key);
            }
        }
        catch (CryptographicException problem)
        {
            throw new TokenException($"no private key '{label}' can be used in the token: {problem.Message}", problem);
        }
    }
}
