using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Registry;

public sealed class CaCertificateCliTests(LocalCloudProcess cloud) : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly string _name = $"CN=ca {Guid.NewGuid():N}";

    public void Dispose() => _key.Dispose();

    [Fact]
    public async Task A_CA_is_registered_by_whoever_can_sign_the_registration_code()
    {
        using var ca = MakeCa();
        var code = (await Iot("get-registration-code"))["registrationCode"]!.ToString();
        string[] register = ["register-ca-certificate", "--ca-certificate", ca.ExportCertificatePem(), "--set-as-active"];
        Assert.Equal("InvalidRequestException", await Refused(register));
        Assert.Equal("RegistrationCodeValidationException", await Refused([.. register, "--verification-cert", Leaf(ca, "CN=wrong")]));
        using var other = MakeCa("CN=other");
        Assert.Equal("CertificateValidationException", await Refused([.. register, "--verification-cert", Leaf(other, $"CN={code}")]));
        Assert.Equal("CertificateValidationException", await Refused("register-ca-certificate", "--ca-certificate", Leaf(ca, "CN=x"), "--verification-cert", Leaf(ca, $"CN={code}")));
        Assert.Equal("InvalidRequestException", await Refused([.. register, "--certificate-mode", "SNI_ONLY", "--verification-cert", Leaf(ca, $"CN={code}")]));
        Assert.Equal("InvalidRequestException", await Refused([.. register, "--allow-auto-registration", "--verification-cert", Leaf(ca, $"CN={code}")]));

        var id = (await Iot([.. register, "--verification-cert", Leaf(ca, $"CN={code}")]))["certificateId"]!.ToString();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(ca.RawData)), id);
        Assert.Equal("ResourceAlreadyExistsException", await Refused([.. register, "--verification-cert", Leaf(ca, $"CN={code}")]));
        var shown = (await Iot("describe-ca-certificate", "--certificate-id", id))["certificateDescription"]!;
        Assert.Equal(("ACTIVE", "DEFAULT", "DISABLE"), (shown["status"]!.ToString(), shown["certificateMode"]!.ToString(), shown["autoRegistrationStatus"]!.ToString()));
        Assert.Contains(id, (await Iot("list-ca-certificates"))["certificates"]!.AsArray().Select(c => c!["certificateId"]!.ToString()));

        Assert.Equal("CertificateStateException", await Refused("delete-ca-certificate", "--certificate-id", id));
        await Iot("update-ca-certificate", "--certificate-id", id, "--new-status", "INACTIVE");
        await Iot("delete-ca-certificate", "--certificate-id", id);
        Assert.Equal("ResourceNotFoundException", await Refused("describe-ca-certificate", "--certificate-id", id));
        await Iot("delete-registration-code");
        Assert.NotEqual(code, (await Iot("get-registration-code"))["registrationCode"]!.ToString());
    }

    [Fact]
    public async Task Certificates_of_a_registered_CA_are_registered_and_listed_by_it()
    {
        using var ca = MakeCa();
        string[] register = ["register-certificate", "--status", "ACTIVE", "--certificate-pem"];
        Assert.Equal("CertificateValidationException", await Refused([.. register, Leaf(ca, "CN=too early")]));
        var caId = (await Iot("register-ca-certificate", "--ca-certificate", ca.ExportCertificatePem(), "--certificate-mode", "SNI_ONLY"))["certificateId"]!.ToString();
        Assert.Equal("CertificateStateException", await Refused([.. register, Leaf(ca, "CN=inactive CA")]));
        await Iot("update-ca-certificate", "--certificate-id", caId, "--new-status", "ACTIVE");

        var leaf = Leaf(ca, "CN=gateway");
        var id = (await Iot([.. register, leaf]))["certificateId"]!.ToString();
        Assert.Equal("ResourceAlreadyExistsException", await Refused([.. register, leaf]));
        var shown = (await Iot("describe-certificate", "--certificate-id", id))["certificateDescription"]!;
        Assert.Equal((caId, "SNI_ONLY", "ACTIVE"), (shown["caCertificateId"]!.ToString(), shown["certificateMode"]!.ToString(), shown["status"]!.ToString()));
        Assert.Equal(id, (await Iot("list-certificates-by-ca", "--ca-certificate-id", caId))["certificates"]!.AsArray().Single()!["certificateId"]!.ToString());

        // Another CA of the same name, but with another key: now the caller has to say which.
        using var twinKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var twin = MakeCa(key: twinKey);
        await Iot("register-ca-certificate", "--ca-certificate", twin.ExportCertificatePem(), "--certificate-mode", "SNI_ONLY", "--set-as-active");
        Assert.Equal("CertificateConflictException", await Refused([.. register, Leaf(ca, "CN=second")]));
        Assert.Equal("CertificateValidationException", await Refused([.. register, Leaf(ca, "CN=second"), "--ca-certificate-pem", twin.ExportCertificatePem()]));
        await Iot([.. register, Leaf(ca, "CN=second"), "--ca-certificate-pem", ca.ExportCertificatePem()]);
    }

    [Fact]
    public async Task A_device_connects_with_a_certificate_of_a_registered_CA_once_it_is_registered_and_as_long_as_it_is_active()
    {
        using var ca = MakeCa();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var pem = Leaf(ca, "CN=gateway", key);
        var caId = (await Iot("register-ca-certificate", "--ca-certificate", ca.ExportCertificatePem(), "--certificate-mode", "SNI_ONLY", "--set-as-active"))["certificateId"]!.ToString();
        Assert.NotEqual(0, await PublishAsync());

        var made = await Iot("register-certificate", "--status", "ACTIVE", "--certificate-pem", pem);
        var (id, arn) = (made["certificateId"]!.ToString(), made["certificateArn"]!.ToString());
        var policy = $"any-{Guid.NewGuid():N}";
        await Iot("create-policy", "--policy-name", policy, "--policy-document", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}""");
        // Without a policy it may not connect.
        Assert.NotEqual(0, await PublishAsync());
        await Iot("attach-policy", "--policy-name", policy, "--target", arn);
        Assert.Equal(0, await PublishAsync());

        // What was registered stays: an inactive CA registers no more, and cuts nobody off.
        await Iot("update-ca-certificate", "--certificate-id", caId, "--new-status", "INACTIVE");
        Assert.Equal(0, await PublishAsync());
        await Iot("update-certificate", "--certificate-id", id, "--new-status", "INACTIVE");
        Assert.NotEqual(0, await PublishAsync());

        async Task<int> PublishAsync()
        {
            var directory = Directory.CreateTempSubdirectory("registered-ca-");
            var (certificateFile, keyFile) = (Path.Combine(directory.FullName, "cert.pem"), Path.Combine(directory.FullName, "key.pem"));
            await File.WriteAllTextAsync(certificateFile, pem);
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
            using var process = Process.Start(new ProcessStartInfo("mosquitto_pub",
                ["-h", "localhost", "-p", cloud.Urls["mqtt"].Split(':')[1], "--cafile", cloud.Urls["root-ca"], "--cert", certificateFile, "--key", keyFile,
                    "-i", "gateway", "-t", "greetings", "-m", "hello", "-q", "1"]) { RedirectStandardError = true })!;
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            directory.Delete(recursive: true);
            return process.ExitCode;
        }
    }

    private X509Certificate2 MakeCa(string? name = null, ECDsa? key = null)
    {
        var request = new CertificateRequest(name ?? _name, key ?? _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    private string Leaf(X509Certificate2 ca, string subject, ECDsa? key = null)
    {
        using var another = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(subject), new PublicKey(key ?? another), HashAlgorithmName.SHA256);
        using var leaf = request.Create(
            ca.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        return leaf.ExportCertificatePem();
    }

    private Task<JsonNode> Iot(params string[] arguments) => cloud.Aws.RunAsync(["iot", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["iot", .. arguments]);
}
