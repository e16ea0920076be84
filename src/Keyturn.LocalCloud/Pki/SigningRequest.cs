using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Org.BouncyCastle.Asn1.Sec;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Pkcs;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;

namespace Keyturn.LocalCloud.Pki;

/// <summary>A CSR that AWS IoT would sign: RSA of 2048 bits or more, or P-256, P-384, P-521, and signed by its own key.</summary>
internal static class SigningRequest
{
    private static readonly DerObjectIdentifier[] Curves =
        [SecObjectIdentifiers.SecP256r1, SecObjectIdentifiers.SecP384r1, SecObjectIdentifiers.SecP521r1];

    /// <returns>The key to certify, or why not.</returns>
    public static (PublicKey? Key, string Problem) Read(string pem)
    {
        try
        {
            var fields = PemEncoding.Find(pem);
            if (pem[fields.Label] is not ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST"))
                return (null, "not a certificate signing request");
            var request = new Pkcs10CertificationRequest(Convert.FromBase64String(pem[fields.Base64Data]));
            var key = request.GetPublicKey();
            if (!Suits(key, out var problem))
                return (null, problem);
            return request.Verify(key)
                ? (PublicKey.CreateFromSubjectPublicKeyInfo(SubjectPublicKeyInfoFactory.CreateSubjectPublicKeyInfo(key).GetDerEncoded(), out _), "")
                : (null, "its signature is not by its own key");
        }
        // Whatever ASN.1 a stranger sends, the parsers have many ways to say no.
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException or IOException
            or CryptographicException or GeneralSecurityException or Org.BouncyCastle.Crypto.CryptoException or InvalidCastException
            or ArithmeticException or IndexOutOfRangeException or NullReferenceException or NotSupportedException)
        {
            return (null, "it can't be read");
        }
    }

    /// <returns>The whole request, with its subject and the extensions it asks for, or why not.</returns>
    public static (CertificateRequest? Request, string Problem) ReadWhole(string pem)
    {
        var (key, problem) = Read(pem);
        if (key is null)
            return (null, problem);
        try
        {
            var der = Convert.FromBase64String(pem[PemEncoding.Find(pem).Base64Data]);
            return (CertificateRequest.LoadSigningRequest(
                der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1), "");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return (null, "it can't be read");
        }
    }

    private static bool Suits(Org.BouncyCastle.Crypto.AsymmetricKeyParameter key, out string problem)
    {
        problem = key switch
        {
            RsaKeyParameters { Modulus.BitLength: < 2048 } => "its RSA key is shorter than 2048 bits",
            RsaKeyParameters => "",
            ECPublicKeyParameters ec when ec.PublicKeyParamSet is { } curve && Curves.Contains(curve) => "",
            ECPublicKeyParameters => "its curve is none of P-256, P-384 and P-521",
            _ => "its key is neither RSA nor EC",
        };
        return problem.Length == 0;
    }
}
