using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Device.Credentials;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>What is read of a certificate without OpenSSL is what the platform reads with it.</summary>
public sealed class CertificateTextTests
{
    private static readonly DateTimeOffset From = new(2026, 1, 31, 23, 59, 58, TimeSpan.Zero);

    private const string Version1 = """
        -----BEGIN CERTIFICATE-----
        MIIBGjCBwQIUKqZc+AfDkhV870A9L00kJlADnLQwCgYIKoZIzj0EAwIwEDEOMAwG
        A1UEAwwFcHVtcDEwHhcNMjYxMTI4MjI1NjQ5WhcNMzYxMTI1MjI1NjQ5WjAQMQ4w
        DAYDVQQDDAVwdW1wMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDixWtMbUL6u
        XJnKcDuQ5L/vv2uKOa0A4gZ+6sWP4ToBDXpEM4otFI9woEocF09Hk+kjmv99CFdk
        kfqlkzgt3yAwCgYIKoZIzj0EAwIDSAAwRQIhAKz40dbJOeJNc++RQpglhHXoIWO2
        slXdKiwODsVAaMh6AiAParBUZKMqcweMtokYkkTuornE8Q/NSRZeeYiqF5g3/w==
        -----END CERTIFICATE-----
        """;

    public static TheoryData<string, string, int> Certificates => new()
    {
        { "RSA 2048", "RSA-2048", 2049 }, { "RSA 3072", "RSA-3072", 2049 }, { "nistP256", "ECDSA-P256", 2049 },
        { "nistP384", "ECDSA-P384", 2050 }, { "nistP521", "ECDSA-P521", 9999 }, { "brainpoolP256r1", "another algorithm", 2049 },
    };

    [Theory]
    [MemberData(nameof(Certificates))]
    public void Name_end_and_algorithm_are_the_platforms_own(string key, string algorithm, int year)
    {
        // The form of a date changes with the year 2050.
        using var certificate = Make(key, new DateTimeOffset(year, 12, 31, 23, 59, 59, TimeSpan.Zero));

        var read = CertificateText.Describe(Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()));

        Assert.Equal(certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant(), read.CertificateId);
        Assert.Equal(certificate.NotAfter.ToUniversalTime(), read.NotAfter.UtcDateTime);
        Assert.Equal(algorithm, read.KeyAlgorithm);
        Assert.Equal(read, KeyMaterial.Describe(certificate));
    }

    /// <summary>Without the version, which comes first otherwise.</summary>
    [Fact]
    public void A_certificate_of_version_1_is_read_too()
    {
        using var certificate = X509Certificate2.CreateFromPem(Version1);

        Assert.Equal(1, certificate.Version);
        Assert.Equal(
            new CertificateInfo(certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant(), certificate.NotAfter.ToUniversalTime(), "ECDSA-P256"),
            CertificateText.Describe(Encoding.ASCII.GetBytes(Version1)));
    }

    [Fact]
    public void Of_several_the_first_counts_whatever_stands_before_it()
    {
        using var leaf = Make("nistP256", From.AddYears(1));
        using var authority = Make("nistP384", From.AddYears(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var text = $"subject=CN = pump1\r\n{key.ExportPkcs8PrivateKeyPem()}\n\n{leaf.ExportCertificatePem().ReplaceLineEndings("\r\n")}\r\n{authority.ExportCertificatePem()}\n";
        using var platform = X509Certificate2.CreateFromPem(text);

        Assert.Equal(platform.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant(), CertificateText.Describe(Encoding.ASCII.GetBytes(text)).CertificateId);
    }

    [Fact]
    public void Whatever_byte_is_damaged_it_is_read_or_refused_with_the_reason()
    {
        using var certificate = Make("nistP256", From.AddYears(1));
        var refused = 0;
        for (var at = 0; at < certificate.RawData.Length; at++)
        {
            foreach (var value in (byte[])[0, 0x30, 0x7F, 0x80, 0xFF])
            {
                var damaged = certificate.RawData;
                damaged[at] = value;
                refused += IsRefused(Pem(damaged)) ? 1 : 0;
            }
            Assert.True(IsRefused(Pem(certificate.RawData[..at])), $"cut off at {at}");
        }
        Assert.InRange(refused, 50, 5 * certificate.RawData.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no PEM at all")]
    [InlineData("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMA=\n-----END CERTIFICATE-----\n")]
    [InlineData("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n")]
    public void What_is_no_certificate_is_refused(string text) => Assert.True(IsRefused(text));

    [Fact]
    public void Sha256_is_sha256() => Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Sha256.HexOf("abc"u8));

    private static bool IsRefused(string text)
    {
        try
        {
            CertificateText.Describe(Encoding.ASCII.GetBytes(text));
            return false;
        }
        catch (CredentialException e)
        {
            Assert.Contains("holds no certificate", e.Message, StringComparison.Ordinal);
            return true;
        }
    }

    private static string Pem(byte[] der) => PemEncoding.WriteString("CERTIFICATE", der);

    private static X509Certificate2 Make(string key, DateTimeOffset until)
    {
        if (key.StartsWith("RSA ", StringComparison.Ordinal))
        {
            using var rsa = RSA.Create(int.Parse(key[4..], System.Globalization.CultureInfo.InvariantCulture));
            return new CertificateRequest("CN=pump1, O=Somebody", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(From, until);
        }
        using var ec = ECDsa.Create(ECCurve.CreateFromFriendlyName(key));
        return new CertificateRequest("CN=pump1, O=Somebody", ec, HashAlgorithmName.SHA256).CreateSelfSigned(From, until);
    }
}
