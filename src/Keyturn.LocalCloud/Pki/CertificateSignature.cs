using System.Security.Cryptography.X509Certificates;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Security.Certificates;
using Org.BouncyCastle.X509;

namespace Keyturn.LocalCloud.Pki;

/// <summary>Who signed a certificate. Dates and purposes are the caller's affair.</summary>
internal static class CertificateSignature
{
    public static bool IsBy(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        if (!certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData))
            return false;
        try
        {
            var parsed = new X509CertificateParser().ReadCertificate(certificate.RawData);
            parsed.Verify(new X509CertificateParser().ReadCertificate(issuer.RawData).GetPublicKey());
            return true;
        }
        catch (Exception e) when (e is GeneralSecurityException or CertificateException or CryptoException or ArgumentException or InvalidOperationException or IOException)
        {
            return false;
        }
    }
}
