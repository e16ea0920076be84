using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// The stack as the CDK app writes it for a private CA (<c>PcaCaId</c> in the context), deployed to a cloud that has that CA: devices rotate to its
/// certificates, signed in each way that the CA's key allows.
/// </summary>
public sealed class PrivateAuthority(PrivateAuthority.Synthesized stack) : IClassFixture<PrivateAuthority.Synthesized>
{
    private const string Authority = "11111111-2222-3333-4444-555555555555";
    private const string Issuing = "AWSLabsCertificateRotatorCreateCertificate";

    private const string ClientTemplate = "arn:aws:acm-pca:::template/EndEntityClientAuthCertificate_APIPassthrough/V1";

    /// <param name="template">Empty: the authority's default, with the subject of the request. Else the server sets the subject.</param>
    [Theory]
    [InlineData("rsa2048", "", "SHA256WITHRSA=1.2.840.113549.1.1.11 SHA384WITHRSA=1.2.840.113549.1.1.12 SHA512WITHRSA=1.2.840.113549.1.1.13")]
    [InlineData("ec384", ClientTemplate, "SHA256WITHECDSA=1.2.840.10045.4.3.2 SHA384WITHECDSA=1.2.840.10045.4.3.3 SHA512WITHECDSA=1.2.840.10045.4.3.4")]
    public async Task Signs_the_new_certificate_as_the_stack_is_told_to(string key, string template, string algorithms)
    {
        (string Signing, string Oid)[] pairs = [.. algorithms.Split(' ').Select(a => (a.Split('=')[0], a.Split('=')[1]))];
        await using var fleet = await LocalFleet.StartWithAsync(
            stack.Template, "--private-ca", $"{key},id={Authority}", "--parameter", "PcaSigningAlgorithm=" + pairs[0].Signing, "--parameter", "PcaTemplateArn=" + template);
        using var root = await RootAsync(fleet);
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");

        foreach (var (n, (signing, oid)) in pairs.Index())
        {
            if (n > 0)
                await SetAsync(fleet, "PCA_SIGNING_ALGORITHM", signing);
            using var before = device.ReadCredential();
            await fleet.CreateRotationJobAsync($"rotate-{n}", "gateway-01");
            var execution = await fleet.ExecutionEndAsync($"rotate-{n}", "gateway-01");

            Assert.True(execution.GetProperty("status").GetString() == "SUCCEEDED", execution.GetRawText());
            using var credential = device.ReadCredential();
            Assert.NotEqual(before.Thumbprint, credential.Thumbprint);
            Assert.Equal(oid, credential.SignatureAlgorithm.Value);
            Assert.Equal(template.Length == 0 ? before.Subject : "CN=gateway-01", credential.Subject);
            Assert.Equal(root.Subject, credential.Issuer);
            Assert.True(IsIssuedBy(root, credential), "the root's key did not sign it");
            Assert.InRange(credential.NotAfter.ToUniversalTime() - DateTime.UtcNow, TimeSpan.FromDays(29.9), TimeSpan.FromDays(30));
            await LocalFleet.RotatorSaysAsync(device, "Committed -> Idle", times: n + 1);
        }

        Assert.Equal(3, pairs.Length);
    }

    [Fact]
    public async Task Signs_nothing_by_a_template_that_the_function_s_role_may_not_use()
    {
        await using var fleet = await LocalFleet.StartWithAsync(
            await stack.AllowingTemplatesAsync("arn:aws:acm-pca:::template/EndEntityClientAuthCertificate*/V1"),
            "--private-ca", $"ec256,id={Authority}", "--parameter", "PcaSigningAlgorithm=SHA256WITHECDSA", "--parameter", "PcaTemplateArn=" + ClientTemplate);
        var device = await fleet.AddDeviceAsync("gateway-01");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
        await LocalFleet.RotatorSaysAsync(device, "Committed -> Idle");
        var before = device.ReadCertificateId();

        fleet.Expect("acm-pca:IssueCertificate");
        fleet.Expect("AccessDeniedException");
        await SetAsync(fleet, "PCA_TEMPLATE_ARN", "arn:aws:acm-pca:::template/EndEntityCertificate/V1");
        await fleet.CreateRotationJobAsync("rotate-2", "gateway-01");
        var log = await LocalFleet.EventuallyAsync(
            () => File.ReadAllTextAsync(Path.Combine(fleet.DirectoryOf("logs"), "local-cloud.log"), TestContext.Current.CancellationToken),
            log => log.Contains("is not authorized to perform: acm-pca:IssueCertificate", StringComparison.Ordinal));
        Assert.Contains("is not authorized to perform: acm-pca:IssueCertificate on resource: arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/" + Authority, log, StringComparison.Ordinal);
        Assert.Equal(before, device.ReadCertificateId());
    }

    /// <summary>As an operator changes one variable of a deployed function.</summary>
    private static async Task SetAsync(LocalFleet fleet, string variable, string value)
    {
        var deployed = await fleet.Aws.JsonAsync("lambda", "get-function-configuration", "--function-name", Issuing);
        var variables = JsonSerializer.Deserialize<JsonObject>(deployed.GetProperty("Environment"))!;
        variables["Variables"]![variable] = value;
        await fleet.Aws.JsonAsync("lambda", "update-function-configuration", "--function-name", Issuing, "--environment", variables.ToJsonString());
    }

    private static async Task<X509Certificate2> RootAsync(LocalFleet fleet)
    {
        var answer = await fleet.Aws.JsonAsync(
            "acm-pca", "get-certificate-authority-certificate",
            "--certificate-authority-arn", $"arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/{Authority}");
        return X509Certificate2.CreateFromPem(answer.GetProperty("Certificate").GetString());
    }

    private static bool IsIssuedBy(X509Certificate2 root, X509Certificate2 certificate)
    {
        using var chain = new X509Chain
        {
            ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { root }, RevocationMode = X509RevocationMode.NoCheck },
        };
        return chain.Build(certificate);
    }

    /// <summary>What <c>script/synth</c> runs, once, with a context.</summary>
    public sealed class Synthesized : IAsyncLifetime
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("keyturn-e2e-").FullName;

        public string Template => Path.Combine(_directory, "AWSLabsCertificateRotator.template.json");

        public async ValueTask InitializeAsync()
        {
            var app = Path.Combine(Tools.Root, "artifacts", "bin", "Keyturn.Infrastructure", "release", "infrastructure.dll");
            Assert.True(File.Exists(app), "run script/build --all first");
            var context = new JsonObject { ["PcaCaId"] = Authority, ["PcaValidityInDays"] = 30 };
            var result = await Shell.RunAsync(
                "dotnet", [app, _directory], new Dictionary<string, string> { ["CDK_CONTEXT_JSON"] = context.ToJsonString() }, TimeSpan.FromMinutes(1));
            Assert.True(result.ExitCode == 0, result.Error);
        }

        /// <summary>As the owner of an authority bounds what is signed by it.</summary>
        public async Task<string> AllowingTemplatesAsync(string pattern)
        {
            var document = JsonNode.Parse(await File.ReadAllTextAsync(Template, TestContext.Current.CancellationToken))!;
            var statements = document["Resources"]!["CreateCertificatePolicy"]!["Properties"]!["PolicyDocument"]!["Statement"]!.AsArray();
            var issuing = Assert.Single(statements, s => s!["Action"] is JsonArray actions && actions.Any(a => (string)a! == "acm-pca:IssueCertificate"))!;
            issuing["Action"] = "acm-pca:IssueCertificate";
            var getting = issuing.DeepClone();
            getting["Action"] = "acm-pca:GetCertificate";
            issuing["Condition"] = new JsonObject { ["StringLike"] = new JsonObject { ["acm-pca:TemplateArn"] = pattern } };
            statements.Add(getting);
            var file = Path.Combine(_directory, "bounded.json");
            await File.WriteAllTextAsync(file, document.ToJsonString(), TestContext.Current.CancellationToken);
            return file;
        }

        public ValueTask DisposeAsync()
        {
            Directory.Delete(_directory, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
