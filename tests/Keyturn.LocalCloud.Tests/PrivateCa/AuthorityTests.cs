using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.PrivateCa;

public sealed class AuthorityTests(LocalCloudProcess cloud)
{
    private readonly Pca _pca = new(cloud);

    [Fact]
    public async Task The_CA_of_the_option_is_active_and_its_arn_is_printed()
    {
        var shown = await DescribeAsync(cloud.PrivateCa);
        Assert.Equal(("ACTIVE", "ROOT", "EC_prime256v1"), (shown["Status"]!.ToString(), shown["Type"]!.ToString(), shown["CertificateAuthorityConfiguration"]!["KeyAlgorithm"]!.ToString()));
        var listed = await cloud.Aws.RunAsync("acm-pca", "list-certificate-authorities", "--max-results", "200");
        Assert.Contains(listed["CertificateAuthorities"]!.AsArray(), a => a!["Arn"]!.ToString() == cloud.PrivateCa);
    }

    [Fact]
    public async Task A_subordinate_is_signed_by_its_parent_and_its_chain_leads_there()
    {
        var root = await _pca.CreateActiveAsync("EC_secp384r1", "SHA384WITHECDSA");
        var below = await _pca.CreateAsync("EC_prime256v1", "SHA256WITHECDSA", "SUBORDINATE", name: "Below");
        Assert.Equal("InvalidStateException", await _pca.RefusedAsync(Pca.IssueArguments(below, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS")));
        Assert.Equal("InvalidStateException", await _pca.RefusedAsync("get-certificate-authority-certificate", "--certificate-authority-arn", below));

        var arn = await _pca.IssueAsync(root, await _pca.CsrAsync(below), "SHA384WITHECDSA", "Value=1,Type=YEARS", "SubordinateCACertificate_PathLen0/V1");
        var (pem, chain) = await _pca.GetAsync(root, arn);
        string[] import = ["import-certificate-authority-certificate", "--certificate-authority-arn", below, "--certificate", pem];
        Assert.Equal("InvalidRequestException", await _pca.RefusedAsync(import));
        Assert.Equal("MalformedCertificateException", await _pca.RefusedAsync([.. import, "--certificate-chain", pem]));
        await cloud.Aws.RunAsync(["acm-pca", .. import, "--certificate-chain", chain!]);

        var leafArn = await _pca.IssueAsync(below, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS");
        var (leaf, leafChain) = await _pca.GetAsync(below, leafArn);
        var above = new X509Certificate2Collection();
        above.ImportFromPem(leafChain);
        Assert.Equal(["CN=Below, O=Tests", "CN=Test CA, O=Tests"], above.Select(c => c.Subject));
        using var certificate = X509Certificate2.CreateFromPem(leaf);
        using var verified = new X509Chain
        {
            ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { above[1] }, ExtraStore = { above[0] }, RevocationMode = X509RevocationMode.NoCheck },
        };
        Assert.True(verified.Build(certificate));
        var own = await cloud.Aws.RunAsync("acm-pca", "get-certificate-authority-certificate", "--certificate-authority-arn", below);
        Assert.Equal(pem, own["Certificate"]!.ToString());
    }

    [Fact]
    public async Task Only_the_CAs_own_certificate_is_imported()
    {
        var ca = await _pca.CreateAsync("EC_prime256v1", "SHA256WITHECDSA");
        Assert.Equal("RequestInProgressException", await _pca.RefusedAsync("get-certificate-authority-csr", "--certificate-authority-arn", ca));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = new CertificateRequest("CN=o", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        string[] import = ["import-certificate-authority-certificate", "--certificate-authority-arn", ca, "--certificate"];
        Assert.Equal("CertificateMismatchException", await _pca.RefusedAsync([.. import, other.ExportCertificatePem()]));
        Assert.Equal("MalformedCertificateException", await _pca.RefusedAsync([.. import, "nonsense"]));
    }

    [Fact]
    public async Task A_CA_is_disabled_deleted_and_restored_in_that_order_only()
    {
        var ca = await _pca.CreateActiveAsync("EC_prime256v1", "SHA256WITHECDSA");
        string[] arn = ["--certificate-authority-arn", ca];
        Assert.Equal("InvalidStateException", await _pca.RefusedAsync(["delete-certificate-authority", .. arn]));
        Assert.Equal("InvalidStateException", await _pca.RefusedAsync(["restore-certificate-authority", .. arn]));
        Assert.Equal("InvalidArgsException", await _pca.RefusedAsync(["update-certificate-authority", .. arn, "--status", "EXPIRED"]));
        await cloud.Aws.RunAsync(["acm-pca", "update-certificate-authority", .. arn, "--status", "DISABLED"]);
        Assert.Equal("InvalidStateException", await _pca.RefusedAsync(Pca.IssueArguments(ca, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS")));
        await cloud.Aws.RunAsync(["acm-pca", "delete-certificate-authority", .. arn, "--permanent-deletion-time-in-days", "7"]);
        var deleted = await DescribeAsync(ca);
        Assert.Equal("DELETED", deleted["Status"]!.ToString());
        Assert.NotNull(deleted["RestorableUntil"]);
        Assert.Equal("InvalidStateException", await _pca.RefusedAsync(["update-certificate-authority", .. arn, "--status", "ACTIVE"]));
        await cloud.Aws.RunAsync(["acm-pca", "restore-certificate-authority", .. arn]);
        Assert.Equal("DISABLED", (await DescribeAsync(ca))["Status"]!.ToString());
        await cloud.Aws.RunAsync(["acm-pca", "update-certificate-authority", .. arn, "--status", "ACTIVE"]);
        await _pca.IssueAsync(ca, Pca.Csr(), "SHA256WITHECDSA", "Value=1,Type=DAYS");
    }

    [Fact]
    public async Task Tags_are_added_listed_and_removed()
    {
        var ca = await _pca.CreateAsync("EC_prime256v1", "SHA256WITHECDSA");
        string[] arn = ["--certificate-authority-arn", ca];
        await cloud.Aws.RunAsync(["acm-pca", "tag-certificate-authority", .. arn, "--tags", "Key=owner,Value=fleet", "Key=stage,Value=test"]);
        await cloud.Aws.RunAsync(["acm-pca", "untag-certificate-authority", .. arn, "--tags", "Key=owner,Value=other", "Key=stage"]);
        var tags = (await cloud.Aws.RunAsync(["acm-pca", "list-tags", .. arn]))["Tags"]!.AsArray();
        Assert.Equal("owner=fleet", string.Join(' ', tags.Select(t => $"{t!["Key"]}={t["Value"]}")));
        Assert.Equal("InvalidTagException", await _pca.RefusedAsync(["tag-certificate-authority", .. arn, "--tags", "Key=aws:x,Value=1"]));
    }

    [Fact]
    public async Task A_CA_that_can_not_be_is_refused()
    {
        Assert.Equal("InvalidArgsException", await cloud.Aws.RefusedAsync(
            "acm-pca", "create-certificate-authority", "--certificate-authority-type", "ROOT", "--certificate-authority-configuration",
            "KeyAlgorithm=RSA_2048,SigningAlgorithm=SHA256WITHECDSA,Subject={CommonName=x}"));
        Assert.Equal("ValidationException", await cloud.Aws.RefusedAsync(
            "acm-pca", "create-certificate-authority", "--certificate-authority-type", "ROOT", "--certificate-authority-configuration",
            "KeyAlgorithm=RSA_1024,SigningAlgorithm=SHA256WITHRSA,Subject={CommonName=x}"));
        Assert.Equal("ResourceNotFoundException", await _pca.RefusedAsync(
            "describe-certificate-authority", "--certificate-authority-arn", $"arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/{Guid.Empty}"));
        Assert.Equal("InvalidArnException", await _pca.RefusedAsync("describe-certificate-authority", "--certificate-authority-arn", "arn:aws:iot:us-east-1:012345678901:thing/x"));
        Assert.Equal("InvalidNextTokenException", await _pca.RefusedAsync("list-certificate-authorities", "--starting-token", "eyJOZXh0VG9rZW4iOiAieCJ9"));
    }

    [Theory]
    [InlineData("RSA_3072", "SHA256WITHRSA")]
    [InlineData("EC_secp521r1", "SHA512WITHECDSA")]
    public async Task Keys_that_Debians_CLI_does_not_know_are_made_by_a_signed_call(string key, string signing)
    {
        var made = await CallAsync("CreateCertificateAuthority", new JsonObject
        {
            ["CertificateAuthorityType"] = "ROOT",
            ["CertificateAuthorityConfiguration"] = new JsonObject { ["KeyAlgorithm"] = key, ["SigningAlgorithm"] = signing, ["Subject"] = new JsonObject { ["CommonName"] = "x" } },
        });
        Assert.Equal(200, made.Status);
        Assert.Equal(key, (await DescribeAsync(made.Json["CertificateAuthorityArn"]!.ToString()))["CertificateAuthorityConfiguration"]!["KeyAlgorithm"]!.ToString());
    }

    [Theory]
    [InlineData("DeleteCertificateAuthority", """{"PermanentDeletionTimeInDays":3,"CertificateAuthorityArn":"CA"}""", "ValidationException")]
    [InlineData("IssueCertificate", """{"CertificateAuthorityArn":"CA","Csr":"eA==","SigningAlgorithm":"SHA256WITHECDSA","Validity":{"Type":"DAYS","Value":0}}""", "ValidationException")]
    [InlineData("IssueCertificate", """{"CertificateAuthorityArn":"CA","Csr":"eA==","SigningAlgorithm":"SHA256WITHECDSA"}""", "ValidationException")]
    [InlineData("IssueCertificate", """{"CertificateAuthorityArn":"CA","Csr":"no base64!","SigningAlgorithm":"SHA256WITHECDSA","Validity":{"Type":"DAYS","Value":1}}""", "SerializationException")]
    [InlineData("DescribeCertificateAuthority", """{"CertificateAuthorityArn":7}""", "SerializationException")]
    [InlineData("NoSuchOperation", "{}", "UnknownOperationException")]
    public async Task What_the_CLI_would_not_even_send_is_refused(string operation, string body, string code)
    {
        var answer = await CallAsync(operation, (JsonObject)JsonNode.Parse(body.Replace("\"CA\"", $"\"{cloud.PrivateCa}\"", StringComparison.Ordinal))!);
        Assert.Equal((400, code), (answer.Status, answer.Error));
    }

    private async Task<SignedAnswer> CallAsync(string operation, JsonObject body)
    {
        using var api = new SignedHttp(cloud.Api);
        return await api.SendAsync(
            "acm-pca", "POST", "/", System.Text.Encoding.UTF8.GetBytes(body.ToJsonString()), "application/x-amz-json-1.1", ("x-amz-target", "ACMPrivateCA." + operation));
    }

    private async Task<JsonNode> DescribeAsync(string ca) =>
        (await cloud.Aws.RunAsync("acm-pca", "describe-certificate-authority", "--certificate-authority-arn", ca))["CertificateAuthority"]!;
}
