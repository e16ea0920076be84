using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Tokens;

namespace Keyturn.LocalCore.Mqtt;

/// <summary>The files can't be made into a TLS identity.</summary>
internal sealed class CredentialException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Certificate, key and root CA as they stood on disk when a client object was built.</summary>
internal sealed record DeviceCredential(X509Certificate2Collection Chain, X509Certificate2Collection RootCas) : IDisposable
{
    /// <exception cref="CredentialException">A file is missing, truncated, of a kind classic can't use, or doesn't match.</exception>
    public static DeviceCredential Load(NucleusSettings settings) => settings.PrivateKeyPath.StartsWith(Pkcs11Provider.Scheme, StringComparison.OrdinalIgnoreCase)
        ? LoadFromToken(settings)
        : Load(settings.PrivateKeyPath, settings.CertificatePath, settings.RootCaPath);

    /// <exception cref="CredentialException">A file is missing, truncated, of a kind that can't be used, or doesn't match.</exception>
    public static DeviceCredential Load(string keyPath, string certificatePath, string rootCaPath)
    {
        var certificate = Read(certificatePath, "certificate");
        var key = Read(keyPath, "private key");
        var rootCa = Read(rootCaPath, "root CA");
        // Classic takes EC keys as PKCS#8 only.
        if (key.Contains("BEGIN EC PRIVATE KEY", StringComparison.Ordinal))
            throw new CredentialException($"the private key in {keyPath} is EC but not PKCS#8");
        try
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPem(rootCa);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificate);
            if (roots.Count == 0 || chain.Count == 0)
                throw new CredentialException(roots.Count == 0 ? "the root CA file holds no certificate" : "the certificate file holds no certificate");
            using var leaf = chain[0];
            chain[0] = X509Certificate2.CreateFromPem(certificate, key);
            return new(chain, roots);
        }
        catch (Exception problem) when (problem is CryptographicException or ArgumentException)
        {
            throw new CredentialException($"certificate {certificatePath} and private key {keyPath} make no identity: {problem.Message}", problem);
        }
    }

    private static DeviceCredential LoadFromToken(NucleusSettings settings)
    {
        try
        {
            var provider = settings.Pkcs11Provider;
            var roots = new X509Certificate2Collection();
            roots.ImportFromPem(Read(settings.RootCaPath, "root CA"));
            using var certificate = provider.ReadCertificate(Pkcs11Provider.LabelOf(settings.CertificatePath));
            using var key = provider.OpenKey(Pkcs11Provider.LabelOf(settings.PrivateKeyPath));
            return new([key is RSA rsa ? certificate.CopyWithPrivateKey(rsa) : certificate.CopyWithPrivateKey((ECDsa)key)], roots);
        }
        catch (Exception problem) when (problem is TokenException or CryptographicException or ArgumentException)
        {
            throw new CredentialException($"the key and certificate in the token make no identity: {problem.Message}", problem);
        }
    }

    public void Dispose()
    {
        foreach (var certificate in Chain.Concat(RootCas))
            certificate.Dispose();
    }

    private static string Read(string path, string what)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CredentialException($"the {what} can't be read: {problem.Message}", problem);
        }
    }
}
