using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Registry;

public sealed class CertificateCliTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task A_certificate_from_a_csr_is_as_AWS_IoT_makes_it()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest("CN=anything", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        var made = await cloud.Aws.RunAsync("iot", "create-certificate-from-csr", "--certificate-signing-request", csr, "--set-as-active");
        using var certificate = X509Certificate2.CreateFromPem(made["certificatePem"]!.ToString());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)), made["certificateId"]!.ToString());
        Assert.Contains("Amazon Web Services O=Amazon.com Inc.", certificate.Issuer, StringComparison.Ordinal);
        Assert.Equal("1.2.840.113549.1.1.11", certificate.SignatureAlgorithm.Value);
        Assert.Equal(new DateTime(2049, 12, 31, 23, 59, 59, DateTimeKind.Utc), certificate.NotAfter.ToUniversalTime());
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());

        // The same CSR again is another certificate.
        var again = await cloud.Aws.RunAsync("iot", "create-certificate-from-csr", "--certificate-signing-request", csr);
        Assert.NotEqual(made["certificateId"]!.ToString(), again["certificateId"]!.ToString());
        Assert.Equal("INACTIVE", await StatusAsync(again["certificateId"]!.ToString()));
    }

    [Fact]
    public async Task A_weak_or_broken_csr_is_refused()
    {
        using var weak = RSA.Create(1024);
        var csr = new CertificateRequest("CN=x", weak, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem();
        foreach (var bad in (string[])[csr, "nonsense", new string('x', 4097)])
            Assert.Equal("InvalidRequestException", await cloud.Aws.RefusedAsync("iot", "create-certificate-from-csr", "--certificate-signing-request", bad));
    }

    [Fact]
    public async Task Deleting_is_refused_while_active_attached_or_bearing_a_policy()
    {
        var (thing, policy) = (Unique("t"), Unique("p"));
        var (id, arn) = await CreateAsync();
        await cloud.Aws.RunAsync("iot", "create-thing", "--thing-name", thing);
        await cloud.Aws.RunAsync("iot", "create-policy", "--policy-name", policy, "--policy-document", PolicyDocument);
        await cloud.Aws.RunAsync("iot", "attach-policy", "--policy-name", policy, "--target", arn);
        await cloud.Aws.RunAsync("iot", "attach-thing-principal", "--thing-name", thing, "--principal", arn);

        Assert.Equal("CertificateStateException", await DeleteRefusedAsync(id));
        await cloud.Aws.RunAsync("iot", "update-certificate", "--certificate-id", id, "--new-status", "INACTIVE");
        Assert.Equal("DeleteConflictException", await DeleteRefusedAsync(id, "--force-delete"));
        await cloud.Aws.RunAsync("iot", "detach-thing-principal", "--thing-name", thing, "--principal", arn);
        // The thing is let go a moment later only.
        Assert.Equal("DeleteConflictException", await DeleteRefusedAsync(id, "--force-delete"));
        await DetachedAsync(thing);
        Assert.Equal("DeleteConflictException", await DeleteRefusedAsync(id));
        await cloud.Aws.RunAsync("iot", "delete-certificate", "--certificate-id", id, "--force-delete");
        Assert.Equal("ResourceNotFoundException", await cloud.Aws.RefusedAsync("iot", "describe-certificate", "--certificate-id", id));
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_registered_once()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        using var own = new CertificateRequest("CN=own", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        var pem = own.ExportCertificatePem();
        var made = await cloud.Aws.RunAsync("iot", "register-certificate-without-ca", "--certificate-pem", pem, "--status", "ACTIVE");
        Assert.Equal("ACTIVE", await StatusAsync(made["certificateId"]!.ToString()));
        Assert.Equal("ResourceAlreadyExistsException", await cloud.Aws.RefusedAsync("iot", "register-certificate-without-ca", "--certificate-pem", pem));
        Assert.Equal("CertificateValidationException", await cloud.Aws.RefusedAsync("iot", "register-certificate-without-ca", "--certificate-pem", "x"));
    }

    [Fact]
    public async Task Certificates_are_listed_page_by_page_newest_first_or_oldest_first()
    {
        var (first, _) = await CreateAsync();
        var (second, _) = await CreateAsync();
        var newest = await AllAsync("--no-ascending-order");
        var oldest = await AllAsync("--ascending-order");
        Assert.True(newest.IndexOf(second) < newest.IndexOf(first));
        Assert.True(oldest.IndexOf(first) < oldest.IndexOf(second));

        async Task<List<string>> AllAsync(string order)
        {
            List<string> ids = [], marker = [];
            do
            {
                var page = await cloud.Aws.RunAsync(["iot", "list-certificates", order, "--page-size", "2", .. marker]);
                ids.AddRange(page["certificates"]!.AsArray().Select(c => c!["certificateId"]!.ToString()));
                marker = page["nextMarker"] is { } next ? ["--marker", next.ToString()] : [];
            }
            while (marker.Count > 0);
            return ids;
        }
    }

    [Fact]
    public async Task Revoking_counts_the_version_up_and_an_unknown_status_is_refused()
    {
        var (id, _) = await CreateAsync();
        await cloud.Aws.RunAsync("iot", "update-certificate", "--certificate-id", id, "--new-status", "REVOKED");
        await cloud.Aws.RunAsync("iot", "update-certificate", "--certificate-id", id, "--new-status", "REVOKED");
        var description = (await cloud.Aws.RunAsync("iot", "describe-certificate", "--certificate-id", id))["certificateDescription"]!;
        Assert.Equal("REVOKED", description["status"]!.ToString());
        Assert.Equal(2, description["customerVersion"]!.GetValue<int>());
        Assert.Equal("012345678901", description["ownedBy"]!.ToString());
        Assert.Equal("InvalidRequestException", await cloud.Aws.RefusedAsync("iot", "update-certificate", "--certificate-id", id, "--new-status", "PENDING_TRANSFER"));
    }

    internal const string PolicyDocument =
        """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}""";

    internal static string Unique(string prefix) => $"{prefix}-{Guid.NewGuid():N}";

    private async Task<(string Id, string Arn)> CreateAsync()
    {
        var made = await cloud.Aws.RunAsync("iot", "create-keys-and-certificate", "--set-as-active");
        Assert.StartsWith("-----BEGIN RSA PRIVATE KEY-----", made["keyPair"]!["PrivateKey"]!.ToString(), StringComparison.Ordinal);
        return (made["certificateId"]!.ToString(), made["certificateArn"]!.ToString());
    }

    private async Task<string> StatusAsync(string id) =>
        (await cloud.Aws.RunAsync("iot", "describe-certificate", "--certificate-id", id))["certificateDescription"]!["status"]!.ToString();

    private Task<string> DeleteRefusedAsync(string id, params string[] more) =>
        cloud.Aws.RefusedAsync(["iot", "delete-certificate", "--certificate-id", id, .. more]);

    private async Task DetachedAsync(string thing)
    {
        for (var i = 0; i < 200; i++)
        {
            if ((await cloud.Aws.RunAsync("iot", "list-thing-principals", "--thing-name", thing))["principals"]!.AsArray().Count == 0)
                return;
            await Task.Delay(20);
        }

        Assert.Fail("the principal was never detached");
    }
}
