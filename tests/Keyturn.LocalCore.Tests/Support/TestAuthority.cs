using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCore.Tests.Support;

/// <summary>A certificate authority for one test.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset From = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset To = new(2049, 12, 31, 0, 0, 0, TimeSpan.Zero);

    // RSA keys are for devices alone: making one takes a third of a second.
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 root;
    private byte serial;

    public TestAuthority()
    {
        var request = new CertificateRequest("CN=Test root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        root = request.CreateSelfSigned(From, To);
    }

    public string RootPem => root.ExportCertificatePem() + "\n";

    /// <summary>A certificate and its key, the key as PKCS#1 or PKCS#8 in PEM.</summary>
    public (string Certificate, string Key) Issue(string name, bool elliptic = false)
    {
        using var rsa = elliptic ? null : RSA.Create(2048);
        using var ec = elliptic ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        var request = rsa is not null
            ? new CertificateRequest($"CN={name}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest($"CN={name}", ec!, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        using var certificate = request.Create(root.SubjectName, X509SignatureGenerator.CreateForECDsa(key), From, To, [1, ++serial]);
        return (certificate.ExportCertificatePem() + "\n", (rsa?.ExportRSAPrivateKeyPem() ?? ec!.ExportPkcs8PrivateKeyPem()) + "\n");
    }

    public X509Certificate2 IssueServer()
    {
        var (certificate, privateKey) = Issue("localhost", elliptic: true);
        return X509Certificate2.CreateFromPem(certificate, privateKey);
    }

    public bool Trusts(X509Certificate? certificate)
    {
        if (certificate is null)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using var copy = new X509Certificate2(certificate);
        return chain.Build(copy);
    }

    public void Dispose()
    {
        root.Dispose();
        key.Dispose();
    }
}
