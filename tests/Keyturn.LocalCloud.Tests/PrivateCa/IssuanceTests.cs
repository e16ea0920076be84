using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.PrivateCa;

public sealed class IssuanceTests(LocalCloudProcess cloud)
{
    private readonly Pca _pca = new(cloud);

    [Theory]
    [InlineData("RSA_2048", "SHA256WITHRSA", "1.2.840.113549.1.1.11")]
    [InlineData("RSA_2048", "SHA384WITHRSA", "1.2.840.113549.1.1.12")]
    [InlineData("RSA_4096", "SHA512WITHRSA", "1.2.840.113549.1.1.13")]
    [InlineData("EC_prime256v1", "SHA256WITHECDSA", "1.2.840.10045.4.3.2")]
    [InlineData("EC_secp384r1", "SHA384WITHECDSA", "1.2.840.10045.4.3.3")]
    [InlineData("EC_prime256v1", "SHA512WITHECDSA", "1.2.840.10045.4.3.4")]
    public async Task Each_algorithm_signs_what_verifies_under_the_root(string key, string algorithm, string oid)
    {
        var ca = await _pca.CreateActiveAsync(key, algorithm);
        var arn = await _pca.IssueAsync(ca, Pca.Csr(), algorithm, "Value=7,Type=DAYS");
        var (pem, chain) = await _pca.GetAsync(ca, arn);
        using var certificate = X509Certificate2.CreateFromPem(pem);
        using var root = X509Certificate2.CreateFromPem(chain);
        Assert.Equal(oid, certificate.SignatureAlgorithm.Value);
        using var verified = new X509Chain
        {
            ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { root }, RevocationMode = X509RevocationMode.NoCheck },
        };
        Assert.True(verified.Build(certificate), string.Join(' ', verified.ChainStatus.Select(s => s.StatusInformation)));
        Assert.Equal("CN=gateway-1", certificate.Subject);
        Assert.EndsWith("/certificate/" + certificate.SerialNumber.ToLowerInvariant(), arn, StringComparison.Ordinal);
        Assert.InRange(certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow, TimeSpan.FromDays(6.9), TimeSpan.FromDays(7));
        Assert.InRange(DateTime.UtcNow - certificate.NotBefore.ToUniversalTime(), TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(70));
    }

    [Fact]
    public async Task A_certificate_is_not_ready_the_first_time_it_is_asked_for()
    {
        var arn = await _pca.IssueAsync(cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS");
        string[] get = ["get-certificate", "--certificate-authority-arn", cloud.PrivateCa, "--certificate-arn", arn];
        Assert.Equal("RequestInProgressException", await _pca.RefusedAsync(get));
        await cloud.Aws.RunAsync(["acm-pca", "wait", "certificate-issued", .. get[1..]]);
        await cloud.Aws.RunAsync(["acm-pca", .. get]);
        Assert.Equal("ResourceNotFoundException", await _pca.RefusedAsync([.. get[..^1], cloud.PrivateCa + "/certificate/00112233445566778899aabbccddeeff"]));
        Assert.Equal("InvalidArnException", await _pca.RefusedAsync([.. get[..^1], "arn:aws:acm-pca:us-east-1:012345678901:other/1"]));
    }

    [Theory]
    [InlineData("EndEntityCertificate/V1", "CN=gateway-1", $"{Pca.ServerAuth} {Pca.ClientAuth}")]
    [InlineData("EndEntityClientAuthCertificate/V1", "CN=gateway-1", Pca.ClientAuth)]
    [InlineData("EndEntityClientAuthCertificate_APIPassthrough/V1", "CN=from the call", Pca.ClientAuth)]
    [InlineData("EndEntityCertificate_CSRPassthrough/V1", "CN=gateway-1", $"{Pca.ServerAuth} {Pca.ClientAuth}")]
    [InlineData("BlankEndEntityCertificate_APIPassthrough/V1", "CN=from the call", "")]
    [InlineData("BlankEndEntityCertificate_APICSRPassthrough/V1", "CN=from the call", "")]
    public async Task The_template_decides_what_the_certificate_says(string template, string subject, string usages)
    {
        var pem = await _pca.IssuedAsync(
            cloud.PrivateCa, Pca.Csr(dns: "gateway-1.example"), "SHA256WITHECDSA", "Value=1,Type=DAYS", template, "--api-passthrough", "Subject={CommonName=from the call}");
        using var certificate = X509Certificate2.CreateFromPem(pem);
        // Without a template for it the call's subject is ignored, as the API reference says.
        Assert.Equal(subject, certificate.Subject);
        Assert.Equal(usages, string.Join(' ', certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(e => e.EnhancedKeyUsages.Cast<Oid>()).Select(o => o.Value)));
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.Equal(!template.StartsWith("BlankEndEntityCertificate_API", StringComparison.Ordinal) || template.Contains("APICSR", StringComparison.Ordinal),
            certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Any(e => e.EnumerateDnsNames().Contains("gateway-1.example")));
    }

    [Fact]
    public async Task Extensions_of_the_call_go_where_the_template_leaves_room()
    {
        const string extensions =
            """{"Extensions":{"KeyUsage":{"DigitalSignature":true},"ExtendedKeyUsage":[{"ExtendedKeyUsageType":"CLIENT_AUTH"}],"SubjectAlternativeNames":[{"DnsName":"called.example"}]},"Subject":{"SerialNumber":"1234"}}""";
        var pem = await _pca.IssuedAsync(
            cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS", "BlankEndEntityCertificate_CriticalBasicConstraints_APIPassthrough/V1", "--api-passthrough", extensions);
        using var certificate = X509Certificate2.CreateFromPem(pem);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, certificate.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
        Assert.Equal("called.example", certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().Single());
        Assert.True(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().Critical);
        Assert.Equal("SERIALNUMBER=1234", certificate.Subject);
        // The full template's own usages stay what they are.
        pem = await _pca.IssuedAsync(
            cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS", "EndEntityCertificate_APIPassthrough/V1", "--api-passthrough", extensions);
        using var full = X509Certificate2.CreateFromPem(pem);
        Assert.Equal(2, full.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Count);
        Assert.Equal("InvalidArgsException", await _pca.RefusedAsync(Pca.IssueArguments(
            cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS", "EndEntityCertificate_APIPassthrough/V1",
            "--api-passthrough", """{"Extensions":{"SubjectAlternativeNames":[{"IpAddress":"nowhere"}]}}""")));
    }

    [Theory]
    [InlineData("Value=9,Type=DAYS", 9)]
    [InlineData("Value=2,Type=MONTHS", 60)]
    [InlineData("Value=1,Type=YEARS", 365)]
    [InlineData("Value=+20,Type=ABSOLUTE", 20)]
    [InlineData("Value=+30,Type=END_DATE", 30)]
    public async Task Every_kind_of_validity_ends_when_it_says(string validity, int days)
    {
        var end = DateTimeOffset.UtcNow.AddDays(days);
        validity = validity.Replace(
            $"+{days}", validity.Contains("ABSOLUTE", StringComparison.Ordinal) ? $"{end.ToUnixTimeSeconds()}" : end.ToString("yyyyMMddHHmmss", null), StringComparison.Ordinal);
        using var certificate = X509Certificate2.CreateFromPem(await _pca.IssuedAsync(cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", validity));
        Assert.InRange((certificate.NotAfter.ToUniversalTime() - end.UtcDateTime).TotalDays, -3, 3);
    }

    [Fact]
    public async Task A_token_gives_the_same_certificate_and_serves_one_request_only()
    {
        var csr = Pca.Csr();
        string[] token = ["--idempotency-token", Guid.NewGuid().ToString("N")];
        var first = await _pca.IssueAsync(cloud.PrivateCa, csr, "SHA256WITHECDSA", "Value=1,Type=DAYS", null, token);
        Assert.Equal(first, await _pca.IssueAsync(cloud.PrivateCa, csr, "SHA256WITHECDSA", "Value=1,Type=DAYS", null, token));
        Assert.NotEqual(first, await _pca.IssueAsync(cloud.PrivateCa, csr, "SHA256WITHECDSA", "Value=1,Type=DAYS"));
        Assert.Equal("InvalidArgsException", await _pca.RefusedAsync(Pca.IssueArguments(cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS", null, token)));
    }

    [Theory]
    [InlineData("CN=x", "SHA256WITHRSA", "Value=1,Type=DAYS", null, "InvalidArgsException")]
    [InlineData("CN=x", "SHA1WITHRSA", "Value=1,Type=DAYS", null, "ValidationException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=1,Type=WEEKS", null, "ValidationException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=11,Type=YEARS", null, "ValidationException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=99999999,Type=YEARS", null, "InvalidArgsException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=1600000000,Type=ABSOLUTE", null, "ValidationException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=1,Type=END_DATE", null, "InvalidArgsException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=1,Type=DAYS", "NoSuchTemplate/V1", "InvalidArnException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=1,Type=DAYS", "BlankEndEntityCertificate/V1", "InvalidArnException")]
    [InlineData("CN=x", "SHA256WITHECDSA", "Value=1,Type=DAYS", "RootCACertificate/V1", "InvalidArgsException")]
    [InlineData("", "SHA256WITHECDSA", "Value=1,Type=DAYS", null, "MalformedCSRException")]
    [InlineData("nonsense", "SHA256WITHECDSA", "Value=1,Type=DAYS", null, "MalformedCSRException")]
    public async Task What_can_not_be_issued_has_its_code(string subject, string algorithm, string validity, string? template, string code)
    {
        var csr = subject == "nonsense" ? subject : Pca.Csr(subject);
        Assert.Equal(code, await _pca.RefusedAsync(Pca.IssueArguments(cloud.PrivateCa, csr, algorithm, validity, template)));
    }

    [Fact]
    public async Task A_short_lived_CA_issues_for_seven_days_at_most()
    {
        var ca = await _pca.CreateActiveAsync("EC_prime256v1", "SHA256WITHECDSA", "SHORT_LIVED_CERTIFICATE");
        await _pca.IssueAsync(ca, Pca.Csr(), "SHA256WITHECDSA", "Value=7,Type=DAYS");
        Assert.Equal("ValidationException", await _pca.RefusedAsync(Pca.IssueArguments(ca, Pca.Csr(), "SHA256WITHECDSA", "Value=8,Type=DAYS")));
    }

    [Fact]
    public async Task A_certificate_is_revoked_once()
    {
        using var issued = X509Certificate2.CreateFromPem(await _pca.IssuedAsync(cloud.PrivateCa, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS"));
        var serial = string.Join(':', issued.SerialNumber.ToLowerInvariant().Chunk(2).Select(c => new string(c)));
        string[] revoke = ["revoke-certificate", "--certificate-authority-arn", cloud.PrivateCa, "--certificate-serial", serial, "--revocation-reason", "SUPERSEDED"];
        await cloud.Aws.RunAsync(["acm-pca", .. revoke]);
        Assert.Equal("RequestAlreadyProcessedException", await _pca.RefusedAsync(revoke));
        Assert.Equal("ResourceNotFoundException", await _pca.RefusedAsync([.. revoke[..4], "00:11", .. revoke[5..]]));
    }
}
