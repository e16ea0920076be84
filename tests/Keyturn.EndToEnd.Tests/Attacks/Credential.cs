using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>A key, and the certificate that the cloud made for it.</summary>
internal sealed record Credential(ECDsa Key, string Pem)
{
    public string Id
    {
        get
        {
            using var certificate = X509Certificate2.CreateFromPem(Pem);
            return certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
        }
    }

    public string Arn => $"arn:aws:iot:us-east-1:012345678901:cert/{Id}";

    public X509Certificate2 ForTls()
    {
        using var certificate = X509Certificate2.CreateFromPem(Pem);
        using var pair = certificate.CopyWithPrivateKey(Key);
        // OpenSSL takes the key from a loaded PKCS#12 on every platform.
        return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
    }

    public static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static string CsrOf(ECDsa key, string thing) => new CertificateRequest($"CN={thing}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
}
