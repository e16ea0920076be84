using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>Signatures of a key in the token over hashes that are made here, so that the token needs no hash of its own.</summary>
internal static class TokenSignature
{
    /// <param name="publicKey">Of the key: says which family it is of, and how long.</param>
    public static byte[] Make(TokenSession session, TokenObject key, PublicKey publicKey, ReadOnlySpan<byte> hash, HashAlgorithmName algorithm, bool isPss)
    {
        using var rsa = publicKey.GetRSAPublicKey();
        var result = rsa is null ? Ecdsa(session, key, publicKey, hash, out var signature)
            : isPss ? Pss(session, key, rsa, hash, algorithm, out signature)
            : session.TrySign(key, Mechanism.RsaPkcs, [], DigestInfo(hash, algorithm), out signature);
        TokenError.Check(result, $"signing with the private key '{key.Label}' in {session.TokenName}");
        return signature;
    }

    /// <summary>The key signs, and the public key says that it does.</summary>
    public static bool Proves(TokenSession session, TokenObject key, PublicKey publicKey)
    {
        var hash = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);
        var signature = Make(session, key, publicKey, hash, HashAlgorithmName.SHA256, isPss: false);
        using var rsa = publicKey.GetRSAPublicKey();
        if (rsa is not null)
            return rsa.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var ec = publicKey.GetECDsaPublicKey();
        return ec?.VerifyHash(hash, signature, DSASignatureFormat.Rfc3279DerSequence) == true;
    }

    private static CryptokiResult Ecdsa(TokenSession session, TokenObject key, PublicKey publicKey, ReadOnlySpan<byte> hash, out byte[] signature)
    {
        using var ec = publicKey.GetECDsaPublicKey() ?? throw new CredentialException("the key is neither RSA nor EC");
        // No more of a hash counts than the curve is long, and some tokens refuse it whole.
        var longest = (ec.KeySize + 7) / 8;
        var result = session.TrySign(key, Mechanism.Ecdsa, [], hash[..Math.Min(hash.Length, longest)], out var raw);
        signature = result == CryptokiResult.Ok ? InDer(raw) : [];
        return result;
    }

    private static byte[] InDer(byte[] raw)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteIntegerUnsigned(Shortest(raw.AsSpan(0, raw.Length / 2)));
            writer.WriteIntegerUnsigned(Shortest(raw.AsSpan(raw.Length / 2)));
        }
        return writer.Encode();
    }

    private static ReadOnlySpan<byte> Shortest(ReadOnlySpan<byte> number) => number.TrimStart((byte)0) is { Length: > 0 } rest ? rest : [0];

    /// <summary>By the token's own PSS; where it has none, or none with a salt as long as the hash, padded here and signed raw.</summary>
    private static CryptokiResult Pss(TokenSession session, TokenObject key, RSA publicKey, ReadOnlySpan<byte> hash, HashAlgorithmName algorithm, out byte[] signature)
    {
        var (mechanism, function) = algorithm.Name switch
        {
            "SHA384" => ((nuint)0x260, (nuint)3),
            "SHA512" => ((nuint)0x270, (nuint)4),
            _ => ((nuint)0x250, (nuint)2),
        };
        var result = session.TrySign(key, Mechanism.RsaPss, [mechanism, function, (nuint)hash.Length], hash, out signature);
        if (result == CryptokiResult.Ok && publicKey.VerifyHash(hash, signature, algorithm, RSASignaturePadding.Pss))
            return result;
        return TokenError.IsPassing(result) ? result : session.TrySign(key, Mechanism.RsaRaw, [], PssPadding.Encode(hash, algorithm, publicKey.KeySize), out signature);
    }

    private static byte[] DigestInfo(ReadOnlySpan<byte> hash, HashAlgorithmName algorithm)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(algorithm.Name switch
                {
                    "SHA256" => "2.16.840.1.101.3.4.2.1",
                    "SHA384" => "2.16.840.1.101.3.4.2.2",
                    "SHA512" => "2.16.840.1.101.3.4.2.3",
                    _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, null),
                });
                writer.WriteNull();
            }
            writer.WriteOctetString(hash);
        }
        return writer.Encode();
    }
}
