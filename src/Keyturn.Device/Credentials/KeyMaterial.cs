using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Contracts;

namespace Keyturn.Device.Credentials;

/// <summary>Keys, CSRs and certificates in the forms that Greengrass reads: RSA keys as PKCS#1, EC keys as PKCS#8, all as PEM.</summary>
internal static class KeyMaterial
{
    public static AsymmetricAlgorithm Generate(KeyAlgorithm algorithm) => algorithm.IsRsa
        ? RSA.Create(algorithm.Bits)
        : ECDsa.Create(algorithm.Bits switch
        {
            256 => ECCurve.NamedCurves.nistP256,
            384 => ECCurve.NamedCurves.nistP384,
            521 => ECCurve.NamedCurves.nistP521,
            _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, null),
        });

    /// <summary>The private key as a file holds it. The caller clears it.</summary>
    public static byte[] Export(AsymmetricAlgorithm key)
    {
        var (label, der) = key is RSA rsa ? ("RSA PRIVATE KEY", rsa.ExportRSAPrivateKey()) : ("PRIVATE KEY", key.ExportPkcs8PrivateKey());
        var text = GC.AllocateUninitializedArray<char>(PemEncoding.GetEncodedSize(label.Length, der.Length), pinned: true);
        try
        {
            PemEncoding.TryWrite(label, der, text, out _);
            var file = GC.AllocateUninitializedArray<byte>(text.Length + 1, pinned: true);
            Encoding.ASCII.GetBytes(text, file);
            file[^1] = (byte)'\n';
            return file;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
            Array.Clear(text);
        }
    }

    /// <summary>Reads a private key file of either family.</summary>
    public static AsymmetricAlgorithm Import(ReadOnlySpan<byte> pem)
    {
        var text = GC.AllocateUninitializedArray<char>(pem.Length, pinned: true);
        try
        {
            Encoding.ASCII.GetChars(pem, text);
            // PKCS#8 does not say in its label which family it is of.
            var ec = ECDsa.Create();
            try
            {
                ec.ImportFromPem(text);
                return ec;
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                ec.Dispose();
            }
            var rsa = RSA.Create();
            try
            {
                rsa.ImportFromPem(text);
                return rsa;
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                rsa.Dispose();
                throw new CredentialException("the private key file holds no RSA or EC private key in PEM form that can be read without a password", e);
            }
        }
        finally
        {
            Array.Clear(text);
        }
    }

    public static string CertificateRequest(AsymmetricAlgorithm key, X500DistinguishedName subject, SigningAlgorithm signing)
    {
        var hash = new HashAlgorithmName($"SHA{signing.HashBits}");
        var request = key switch
        {
            RSA rsa => new CertificateRequest(subject, rsa, hash, signing.IsPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1),
            ECDsa ec => new CertificateRequest(subject, ec, hash),
            _ => throw new ArgumentException("neither RSA nor EC", nameof(key)),
        };
        return request.CreateSigningRequestPem() + "\n";
    }

    public static X509Certificate2 Certificate(ReadOnlySpan<byte> pem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw new CredentialException("the certificate file holds no certificate in PEM form", e);
        }
    }

    /// <summary>The key in one hand is the private half of the certificate in the other.</summary>
    public static bool Match(AsymmetricAlgorithm key, X509Certificate2 certificate) =>
        key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo());

    public static CertificateInfo Describe(X509Certificate2 certificate) => CertificateText.DescribeDer(certificate.RawData);
}
