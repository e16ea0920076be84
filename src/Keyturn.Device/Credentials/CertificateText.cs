using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Keyturn.Device.Credentials;

/// <summary>
/// What a certificate says of itself, read without OpenSSL (<see cref="Sha256"/>): RFC 5280, section 4.1. Whether it fits its key is another question,
/// which is asked before it is used.
/// </summary>
internal static class CertificateText
{
    private const string Label = "CERTIFICATE", Rsa = "1.2.840.113549.1.1.1", EllipticCurve = "1.2.840.10045.2.1";

    public static CertificateInfo Describe(ReadOnlySpan<byte> pem) => DescribeDer(Find(Encoding.ASCII.GetString(pem)));

    public static CertificateInfo DescribeDer(byte[] der)
    {
        try
        {
            return Read(der);
        }
        catch (Exception e) when (e is AsnContentException or InvalidOperationException or ArgumentException)
        {
            throw Nothing(e);
        }
    }

    private static CertificateInfo Read(byte[] der)
    {
        // As tolerant as whoever issued it: what is told of it hangs on no encoding.
        var certificate = new AsnReader(der, AsnEncodingRules.BER);
        var signed = certificate.ReadSequence().ReadSequence();
        certificate.ThrowIfNotEmpty();
        if (signed.PeekTag().HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 0)))
            signed.ReadEncodedValue();
        // Serial number, signature algorithm, issuer.
        for (var i = 0; i < 3; i++)
            signed.ReadEncodedValue();
        var validity = signed.ReadSequence();
        validity.ReadEncodedValue();
        var notAfter = validity.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? validity.ReadUtcTime() : validity.ReadGeneralizedTime();
        // Subject.
        signed.ReadEncodedValue();
        return new CertificateInfo(Sha256.HexOf(der), notAfter, AlgorithmOf(signed.ReadSequence()));
    }

    private static string AlgorithmOf(AsnReader publicKey)
    {
        var identifier = publicKey.ReadSequence();
        switch (identifier.ReadObjectIdentifier())
        {
            case Rsa:
                var key = new AsnReader(publicKey.ReadBitString(out _), AsnEncodingRules.BER).ReadSequence();
                var modulus = key.ReadIntegerBytes().Span.TrimStart((byte)0);
                return $"RSA-{modulus.Length * 8 - (modulus.Length == 0 ? 0 : byte.LeadingZeroCount(modulus[0]))}";
            case EllipticCurve when identifier.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier):
                return identifier.ReadObjectIdentifier() switch
                {
                    "1.2.840.10045.3.1.7" => "ECDSA-P256",
                    "1.3.132.0.34" => "ECDSA-P384",
                    "1.3.132.0.35" => "ECDSA-P521",
                    _ => "another algorithm",
                };
            default:
                return "another algorithm";
        }
    }

    /// <summary>The first certificate: others may follow, and other things come before.</summary>
    private static byte[] Find(ReadOnlySpan<char> text)
    {
        while (PemEncoding.TryFind(text, out var block))
        {
            if (text[block.Label] is Label)
                return Convert.FromBase64String(text[block.Base64Data].ToString());
            text = text[block.Location.End..];
        }
        throw Nothing(null);
    }

    private static CredentialException Nothing(Exception? inner) => new("the certificate file holds no certificate in PEM form", inner);
}
