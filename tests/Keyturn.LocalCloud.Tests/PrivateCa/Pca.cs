using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.PrivateCa;

/// <summary>A private CA through the AWS CLI, as its guide has it done.</summary>
internal sealed class Pca(LocalCloudProcess cloud)
{
    public const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    public const string ServerAuth = "1.3.6.1.5.5.7.3.1";

    public Task<string> CreateAsync(string key, string signing, string type = "ROOT", string mode = "GENERAL_PURPOSE", string name = "Test CA") =>
        TextAsync("CertificateAuthorityArn",
            "create-certificate-authority", "--certificate-authority-type", type, "--usage-mode", mode, "--certificate-authority-configuration",
            $"KeyAlgorithm={key},SigningAlgorithm={signing},Subject={{CommonName={name},Organization=Tests}}");

    public async Task<string> CreateActiveAsync(string key, string signing, string mode = "GENERAL_PURPOSE")
    {
        var arn = await CreateAsync(key, signing, mode: mode);
        var certificate = await IssuedAsync(arn, await CsrAsync(arn), signing, "Value=10,Type=YEARS", "RootCACertificate/V1");
        await cloud.Aws.RunAsync("acm-pca", "import-certificate-authority-certificate", "--certificate-authority-arn", arn, "--certificate", certificate);
        return arn;
    }

    public async Task<string> CsrAsync(string arn)
    {
        // As the CLI's waiters do, without their seconds of sleep.
        await RefusedAsync("get-certificate-authority-csr", "--certificate-authority-arn", arn);
        return (await cloud.Aws.RunAsync("acm-pca", "get-certificate-authority-csr", "--certificate-authority-arn", arn))["Csr"]!.ToString();
    }

    public async Task<string> IssuedAsync(string ca, string csr, string signing, string validity, string? template = null, params string[] more)
    {
        var arn = await IssueAsync(ca, csr, signing, validity, template, more);
        return (await GetAsync(ca, arn)).Pem;
    }

    public Task<string> IssueAsync(string ca, string csr, string signing, string validity, string? template = null, params string[] more) =>
        TextAsync("CertificateArn", IssueArguments(ca, csr, signing, validity, template, more));

    public static string[] IssueArguments(string ca, string csr, string signing, string validity, string? template = null, params string[] more) =>
    [
        "issue-certificate", "--certificate-authority-arn", ca, "--csr", csr, "--signing-algorithm", signing, "--validity", validity,
        .. template is null ? (string[])[] : ["--template-arn", "arn:aws:acm-pca:::template/" + template], .. more,
    ];

    public async Task<(string Pem, string? Chain)> GetAsync(string ca, string arn)
    {
        await RefusedAsync("get-certificate", "--certificate-authority-arn", ca, "--certificate-arn", arn);
        var got = await cloud.Aws.RunAsync("acm-pca", "get-certificate", "--certificate-authority-arn", ca, "--certificate-arn", arn);
        return (got["Certificate"]!.ToString(), got["CertificateChain"]?.ToString());
    }

    public Task<string> RefusedAsync(params string[] arguments) => cloud.Aws.RefusedAsync(["acm-pca", .. arguments]);

    public static string Csr(string subject = "CN=gateway-1", string? dns = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        if (dns is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dns);
            request.CertificateExtensions.Add(names.Build());
        }

        return request.CreateSigningRequestPem();
    }

    private async Task<string> TextAsync(string member, params string[] arguments) =>
        (await cloud.Aws.RunAsync(["acm-pca", .. arguments]))[member]!.ToString();
}
