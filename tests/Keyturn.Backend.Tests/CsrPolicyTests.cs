using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CsCheck;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

public sealed class CsrPolicyTests
{
    private static readonly byte[] SubjectOfThing = new X500DistinguishedName("CN=pump1").RawData;
    private const string Thing = "pump1";
    private static readonly Lazy<RSA> Rsa2048 = new(() => RSA.Create(2048));

    [Theory]
    [InlineData("RSA-2048")]
    [InlineData("RSA-3072")]
    [InlineData("ECDSA-P256")]
    [InlineData("ECDSA-P384")]
    [InlineData("ECDSA-P521")]
    public void Each_kind_of_key_passes_and_is_known_by_its_hash(string name)
    {
        var kind = KeyAlgorithm.Find(name)!;
        using var rsa = kind.IsRsa ? RSA.Create(kind.Bits) : null;
        using var ecdsa = kind.IsRsa ? null : ECDsa.Create(ECCurve.CreateFromFriendlyName($"nistP{kind.Bits}"));
        var csr = Accept(rsa is not null ? Of(rsa, "CN=pump1") : new CertificateRequest("CN=pump1", ecdsa!, HashAlgorithmName.SHA256).CreateSigningRequestPem());
        Assert.Equal(kind, csr.Kind);
        Assert.Equal(
            Convert.ToHexStringLower(SHA256.HashData((rsa as AsymmetricAlgorithm ?? ecdsa!).ExportSubjectPublicKeyInfo())), csr.KeyHash);
    }

    [Theory]
    [InlineData("SHA256")]
    [InlineData("SHA384")]
    [InlineData("SHA512")]
    public void Both_paddings_and_all_hashes_of_RSA_pass(string hash)
    {
        foreach (var padding in (RSASignaturePadding[])[RSASignaturePadding.Pkcs1, RSASignaturePadding.Pss])
        {
            Accept(new CertificateRequest("CN=pump1", Rsa2048.Value, new HashAlgorithmName(hash), padding).CreateSigningRequestPem());
        }
    }

    [Fact]
    public void What_goes_to_the_authority_is_what_was_checked()
    {
        var pem = Of(Rsa2048.Value, "CN=pump1");
        Assert.Equal(pem, Accept("\n" + pem + "\n\n").Pem);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("CN=pump1", true)]
    [InlineData("CN=AWS IoT Certificate", true)]
    [InlineData("CN=pump10", false)]
    [InlineData("CN=pump1, O=Pumps", false)]
    [InlineData("O=pump1", false)]
    [InlineData("CN=pump1, CN=pump1", false)]
    public void A_subject_is_free_only_if_it_names_nobody_else(string subject, bool free) =>
        Assert.Equal(free, Accept(Of(Rsa2048.Value, subject)).SubjectIsFree);

    [Fact]
    public void Requested_extensions_are_refused()
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("pump10");
        foreach (var extension in (X509Extension[])[names.Build(), new X509BasicConstraintsExtension(true, false, 0, true)])
        {
            var request = new CertificateRequest("CN=pump1", Rsa2048.Value, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(extension);
            Refuse(request.CreateSigningRequestPem(), "it requests extensions");
        }
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(2056)]
    public void RSA_of_another_size_is_refused(int bits)
    {
        using var rsa = RSA.Create(bits);
        Refuse(Of(rsa, "CN=pump1"), "bits");
    }

    [Fact]
    public void RSA_keys_that_anybody_can_factor_are_refused()
    {
        Refuse(WeakCsrs.CloseFactors, "too close together");
        Refuse(WeakCsrs.Roca, "ROCA");
        Refuse(WeakCsrs.SmallFactor, "small factor");
        Refuse(WeakCsrs.SmallExponent, "exponent is not 65537");
    }

    [Fact]
    public void An_RSA_key_in_another_encoding_would_have_another_hash_and_is_refused()
    {
        var key = Rsa2048.Value.ExportRSAPublicKey();
        Assert.Equal(0x82, key[1]);
        Accept(SignedAs(SubjectOfThing, InfoOf(key, hasParameters: true)));
        Refuse(SignedAs(SubjectOfThing, InfoOf(key, hasParameters: false)), "encoded in another way");
        Refuse(SignedAs(SubjectOfThing, InfoOf([.. key, 0], hasParameters: true)), "encoded in another way");
        Refuse(SignedAs(SubjectOfThing, InfoOf([0x30, 0x83, 0, .. key[2..]], hasParameters: true)), "encoded in another way");

        static byte[] InfoOf(byte[] key, bool hasParameters)
        {
            var info = new AsnWriter(AsnEncodingRules.DER);
            using (info.PushSequence())
            {
                WriteAlgorithm(info, "1.2.840.113549.1.1.1", hasParameters);
                info.WriteBitString(key);
            }

            return info.Encode();
        }
    }

    [Fact]
    public void A_subject_that_the_runtime_took_and_cannot_read_is_refused()
    {
        var key = Rsa2048.Value.ExportSubjectPublicKeyInfo();
        Assert.Equal((0x30, 0x31), (SubjectOfThing[0], SubjectOfThing[2]));
        Refuse(SignedAs([0x30, (byte)(SubjectOfThing[1] + 1), 0x31, 0x81, .. SubjectOfThing[3..]], key), "its subject can't be read");
    }

    [Fact]
    public void Keys_that_Debian_s_OpenSSL_made_are_refused()
    {
        Refuse(WeakCsrs.DebianRsa, "CVE-2008-0166");
        Refuse(WeakCsrs.DebianEcdsa, "CVE-2008-0166");
    }

    [Fact]
    public void Curves_that_are_not_allowed_are_refused()
    {
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName("secp256k1"));
        Refuse(new CertificateRequest("CN=pump1", key, HashAlgorithmName.SHA256).CreateSigningRequestPem(), "curve");
    }

    [Fact]
    public void A_modulus_that_is_a_square_is_refused()
    {
        using var rsa = RSA.Create(1024);
        var prime = new System.Numerics.BigInteger(rsa.ExportParameters(true).P, isUnsigned: true, isBigEndian: true);
        Assert.Equal("the factors of its RSA modulus are too close together", WeakModulus.FaultOf((prime * prime).ToByteArray(isUnsigned: true, isBigEndian: true)));
    }

    [Fact]
    public void A_curve_given_by_its_parameters_is_refused_even_if_it_is_an_allowed_one() => Refuse(WeakCsrs.ExplicitCurve, "");

    [Fact]
    public void A_key_that_is_neither_RSA_nor_ECDSA_is_refused()
    {
        Refuse(WeakCsrs.Ed25519, "");

        // Should a later runtime verify such a signature.
        var key = PublicKey.CreateFromSubjectPublicKeyInfo(Convert.FromBase64String("MCowBQYDK2VwAyEAGod5dHkXIb+S/zsiIen4axuAaiZFz/Rj8GFEa3YA1qg="), out _);
        Assert.Null(CsrPolicy.KindOf(key, out var fault));
        Assert.Equal("its key is neither RSA nor ECDSA", fault);
    }

    [Fact]
    public void A_rule_for_one_kind_of_key_is_kept()
    {
        Assert.Null(new CsrPolicy([KeyAlgorithm.EcdsaP256]).Check(Of(Rsa2048.Value, "CN=pump1"), Thing, out var fault));
        Assert.Equal("a key of kind RSA-2048 is not allowed here", fault);
    }

    [Fact]
    public void A_signature_by_another_key_is_refused()
    {
        var der = Der(Of(Rsa2048.Value, "CN=pump1"));
        der[^1] ^= 1;
        Refuse(PemEncoding.WriteString("CERTIFICATE REQUEST", der), "its own key signed");
    }

    [Fact]
    public void One_PEM_block_and_nothing_beside_it()
    {
        var pem = Of(Rsa2048.Value, "CN=pump1");
        foreach (var wrong in (string[])
        [
            "", "x", pem[..^5], pem + pem, "x" + pem, pem + "x", pem.Replace("CERTIFICATE REQUEST", "CERTIFICATE", StringComparison.Ordinal),
            pem.Replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", StringComparison.Ordinal), Convert.ToBase64String(Der(pem)),
            PemEncoding.WriteString("CERTIFICATE REQUEST", []), PemEncoding.WriteString("CERTIFICATE REQUEST", [.. Der(pem), 0]),
        ])
        {
            Refuse(wrong, "");
        }
    }

    [Fact]
    public void Size_is_capped_where_AWS_IoT_caps_it() =>
        Refuse(Of(Rsa2048.Value, "CN=pump1") + new string('\n', WireLimits.CsrCharacters), "longer than 4096");

    [Fact]
    public void No_damage_of_one_byte_passes_or_crashes()
    {
        var der = Der(Of(Rsa2048.Value, "CN=pump1"));
        Gen.Select(Gen.Int[0, der.Length - 1], Gen.Byte[1, 255]).Sample((at, flip) =>
        {
            byte[] damaged = [.. der];
            damaged[at] ^= flip;
            Assert.Null(CsrPolicy.Default.Check(PemEncoding.WriteString("CERTIFICATE REQUEST", damaged), Thing, out _));
        }, iter: 2_000, threads: 2);
    }

    [Fact]
    public void No_noise_passes_or_crashes() =>
        Gen.Byte.Array[0, 600].Sample(
            noise =>
            {
                Assert.Null(CsrPolicy.Default.Check(Encoding.Latin1.GetString(noise), Thing, out _));
                Assert.Null(CsrPolicy.Default.Check(PemEncoding.WriteString("CERTIFICATE REQUEST", noise), Thing, out _));
            },
            iter: 2_000, threads: 2);

    private static string Of(RSA key, string subject) =>
        new CertificateRequest(subject, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem();

    private static byte[] Der(string pem) => Convert.FromBase64String(pem[PemEncoding.Find(pem).Base64Data].ReplaceLineEndings(""));

    private static CheckedCsr Accept(string pem)
    {
        var csr = CsrPolicy.Default.Check(pem, Thing, out var fault);
        Assert.Equal("", fault);
        return Assert.IsType<CheckedCsr>(csr);
    }

    private static void Refuse(string pem, string because)
    {
        Assert.Null(CsrPolicy.Default.Check(pem, Thing, out var fault));
        Assert.NotEmpty(fault);
        Assert.Contains(because, fault, StringComparison.Ordinal);
    }

    /// <summary>Signed, whatever the two parts are.</summary>
    private static string SignedAs(byte[] subject, byte[] subjectPublicKeyInfo)
    {
        var (body, csr) = (new AsnWriter(AsnEncodingRules.BER), new AsnWriter(AsnEncodingRules.BER));
        var attributes = new Asn1Tag(TagClass.ContextSpecific, 0);
        using (body.PushSequence())
        {
            body.WriteInteger(0);
            body.WriteEncodedValue(subject);
            body.WriteEncodedValue(subjectPublicKeyInfo);
            body.PushSetOf(attributes).Dispose();
        }

        using (csr.PushSequence())
        {
            csr.WriteEncodedValue(body.Encode());
            WriteAlgorithm(csr, "1.2.840.113549.1.1.11", hasParameters: true);
            csr.WriteBitString(Rsa2048.Value.SignData(body.Encode(), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        }

        return PemEncoding.WriteString("CERTIFICATE REQUEST", csr.Encode());
    }

    private static void WriteAlgorithm(AsnWriter writer, string oid, bool hasParameters)
    {
        using var algorithm = writer.PushSequence();
        writer.WriteObjectIdentifier(oid);
        if (hasParameters)
        {
            writer.WriteNull();
        }
    }
}
