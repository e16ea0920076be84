using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>Public keys from PKCS#11's attributes, as SubjectPublicKeyInfo.</summary>
internal static class PublicKeyEncoding
{
    private const int IdLength = 20;

    /// <summary>What CKA_ID of a key of ours is: it can't be another key's, and no clock or counter is needed to make it.</summary>
    public static string IdOf(byte[] publicKey) => Convert.ToHexStringLower(SHA256.HashData(publicKey).AsSpan(0, IdLength));

    /// <summary>CKA_EC_PARAMS: the name of a curve.</summary>
    public static byte[] Curve(int bits)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteObjectIdentifier(bits switch
        {
            256 => "1.2.840.10045.3.1.7",
            384 => "1.3.132.0.34",
            521 => "1.3.132.0.35",
            _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, null),
        });
        return writer.Encode();
    }

    public static byte[]? Rsa(byte[]? modulus, byte[]? exponent)
    {
        // Zeros alone are no number: how a token may say that it does not show one.
        if (modulus is null || exponent is null || Trimmed(modulus).Length == 0 || Trimmed(exponent).Length == 0)
            return null;
        using var key = RSA.Create(new RSAParameters { Modulus = Trimmed(modulus), Exponent = Trimmed(exponent) });
        return key.ExportSubjectPublicKeyInfo();
    }

    public static byte[]? Ec(byte[]? parameters, byte[]? point)
    {
        if (parameters is not { Length: > 0 } || point is not { Length: > 0 })
            return null;
        try
        {
            // The standard wraps the point in an OCTET STRING; some tokens don't.
            var raw = point[0] == 0x04 && AsnDecoder.TryReadEncodedValue(point, AsnEncodingRules.DER, out _, out var start, out var length, out var all) && all == point.Length
                ? point.AsSpan(start, length)
                : point;
            var half = (raw.Length - 1) / 2;
            using var key = ECDsa.Create(new ECParameters
            {
                Curve = ECCurve.CreateFromValue(AsnDecoder.ReadObjectIdentifier(parameters, AsnEncodingRules.DER, out _)),
                Q = new ECPoint { X = raw[1..(half + 1)].ToArray(), Y = raw[(half + 1)..].ToArray() },
            });
            return key.ExportSubjectPublicKeyInfo();
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Integers without leading zeros.</summary>
    private static byte[] Trimmed(byte[] number) => number.AsSpan().TrimStart((byte)0).ToArray();
}
