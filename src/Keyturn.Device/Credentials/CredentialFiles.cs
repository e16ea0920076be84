using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Keyturn.Device.Credentials;

/// <param name="Secret">The private key as a file holds it. The caller clears it.</param>
internal sealed record NewKey(byte[] Secret, string Request);

/// <param name="Pem">Encoded anew from what was read.</param>
internal sealed record OfferedCertificate(bool IsOfKey, string Pem, CertificateInfo Info, DateTimeOffset NotBefore);

/// <summary>
/// What the contents of a credential's files say. Apart from new keys the answers depend on the contents alone, so that a simulation of millions of
/// rotations can remember them.
/// </summary>
internal class CredentialFiles
{
    public static readonly CredentialFiles Default = new();

    /// <summary>A key, and a CSR of it with the subject of a certificate.</summary>
    public virtual NewKey Generate(KeyOptions options, byte[] currentCertificate)
    {
        using var key = KeyMaterial.Generate(options.KeyAlgorithm);
        using var current = KeyMaterial.Certificate(currentCertificate);
        var request = KeyMaterial.CertificateRequest(key, current.SubjectName, options.SigningAlgorithm);
        return new NewKey(KeyMaterial.Export(key), request);
    }

    public virtual bool ArePair(byte[] key, byte[] certificate)
    {
        using var read = KeyMaterial.Import(key);
        using var other = KeyMaterial.Certificate(certificate);
        return KeyMaterial.Match(read, other);
    }

    public virtual CertificateInfo Describe(byte[] certificate) => CertificateText.Describe(certificate);

    /// <summary>What is offered for a key; nothing when it is no certificate at all.</summary>
    public virtual OfferedCertificate? Judge(byte[] key, string pem)
    {
        X509Certificate2 certificate;
        CertificateInfo info;
        try
        {
            certificate = KeyMaterial.Certificate(Encoding.ASCII.GetBytes(pem));
            info = KeyMaterial.Describe(certificate);
        }
        catch (CredentialException)
        {
            return null;
        }
        using (certificate)
        {
            using var read = KeyMaterial.Import(key);
            return new OfferedCertificate(KeyMaterial.Match(read, certificate), certificate.ExportCertificatePem(), info, certificate.NotBefore.ToUniversalTime());
        }
    }
}
