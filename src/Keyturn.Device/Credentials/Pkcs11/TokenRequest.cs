using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>A CSR that the token signs.</summary>
internal static class TokenRequest
{
    public static string Make(TokenKey key, X500DistinguishedName subject, SigningAlgorithm signing)
    {
        var hash = new HashAlgorithmName($"SHA{signing.HashBits}");
        using var rsa = key.PublicKey.GetRSAPublicKey();
        using var ec = key.PublicKey.GetECDsaPublicKey();
        var padding = signing.IsPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        var form = rsa is not null ? X509SignatureGenerator.CreateForRSA(rsa, padding) : X509SignatureGenerator.CreateForECDsa(ec!);
        var pem = new CertificateRequest(subject, key.PublicKey, hash, signing.IsRsa ? padding : null).CreateSigningRequestPem(new Generator(key, form, signing.IsPss)) + "\n";
        // A token that signs otherwise than it was asked to is found out here, not by the backend.
        _ = System.Security.Cryptography.X509Certificates.CertificateRequest.LoadSigningRequestPem(pem, hash, CertificateRequestLoadOptions.Default, padding);
        return pem;
    }

    private sealed class Generator(TokenKey key, X509SignatureGenerator form, bool isPss) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => form.GetSignatureAlgorithmIdentifier(hashAlgorithm);

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) =>
            key.Sign(CryptographicOperations.HashData(hashAlgorithm, data), hashAlgorithm, isPss);

        protected override PublicKey BuildPublicKey() => key.PublicKey;
    }
}
