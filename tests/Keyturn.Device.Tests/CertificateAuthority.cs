using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Device.Tests;

/// <summary>Signs what it is given, as AWS IoT would.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 11, 24, 0, 0, 0, TimeSpan.Zero);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X500DistinguishedName _name = new("CN=Test CA");
    private byte _serial;

    public string Sign(string csr, DateTimeOffset? notBefore = null, DateTimeOffset? notAfter = null, RSASignaturePadding? padding = null)
    {
        var request = CertificateRequest.LoadSigningRequestPem(csr, HashAlgorithmName.SHA256, signerSignaturePadding: padding ?? RSASignaturePadding.Pkcs1);
        return Sign(request, notBefore, notAfter);
    }

    public (string Key, string Certificate) Issue(AsymmetricAlgorithm key, string subject = "CN=AWS IoT Certificate")
    {
        var request = key is RSA rsa
            ? new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        return (key is RSA r ? r.ExportRSAPrivateKeyPem() : ((ECDsa)key).ExportPkcs8PrivateKeyPem(), Sign(request));
    }

    public X509Certificate2 Certify(PublicKey key, string subject = "CN=AWS IoT Certificate") =>
        X509Certificate2.CreateFromPem(Sign(new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256)));

    /// <summary>A server, or somebody, whom no authority knows.</summary>
    public static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    public void Dispose() => _key.Dispose();

    private string Sign(CertificateRequest request, DateTimeOffset? notBefore = null, DateTimeOffset? notAfter = null)
    {
        using var certificate = request.Create(
            _name, X509SignatureGenerator.CreateForECDsa(_key), notBefore ?? Now.AddDays(-1), notAfter ?? Now.AddYears(20), [1, ++_serial]);
        return certificate.ExportCertificatePem();
    }
}
