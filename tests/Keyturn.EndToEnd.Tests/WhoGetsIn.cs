using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.EndToEnd.Tests;

/// <summary>Asked of somebody else's MQTT client: mosquitto's.</summary>
public sealed class WhoGetsIn
{
    [Fact]
    public async Task After_the_rotation_the_old_certificate_is_refused_and_the_new_one_connects()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        var old = await SaveCredentialAsync(fleet, device, "old");
        Assert.Equal(0, await SubscribeAsync(fleet, old));

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await fleet.ExecutionEndAsync("rotate-1", "gateway-01");
        var renewed = await SaveCredentialAsync(fleet, device, "new");

        Assert.Equal(0, await SubscribeAsync(fleet, renewed));
        Assert.NotEqual(0, await LocalFleet.EventuallyAsync(() => SubscribeAsync(fleet, old), code => code != 0));
        fleet.Expect("refused");
    }

    [Fact]
    public async Task A_certificate_of_another_CA_never_connects()
    {
        await using var fleet = await LocalFleet.StartAsync();
        await fleet.AddDeviceAsync("gateway-01");
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=gateway-01", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var forged = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var files = await WriteAsync(fleet, "forged", forged.ExportCertificatePem(), key.ExportRSAPrivateKeyPem());

        Assert.NotEqual(0, await SubscribeAsync(fleet, files));
    }

    private static async Task<(string Certificate, string Key)> SaveCredentialAsync(LocalFleet fleet, Cli.Demo.DemoDevice device, string name)
    {
        using var credential = device.ReadCredential();
        using var key = credential.GetRSAPrivateKey();
        var pem = key is not null ? key.ExportRSAPrivateKeyPem() : credential.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();
        return await WriteAsync(fleet, name, credential.ExportCertificatePem(), pem);
    }

    private static async Task<(string Certificate, string Key)> WriteAsync(LocalFleet fleet, string name, string certificate, string key)
    {
        var files = (fleet.DirectoryOf(name + ".crt"), fleet.DirectoryOf(name + ".key"));
        await File.WriteAllTextAsync(files.Item1, certificate, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(files.Item2, key, TestContext.Current.CancellationToken);
        return files;
    }

    /// <summary>0 when the connection was made and the subscription granted.</summary>
    private static async Task<int> SubscribeAsync(LocalFleet fleet, (string Certificate, string Key) credential)
    {
        // -E: end once the subscription is acknowledged. The client id is the one the policy grants beside the nucleus's own.
        var result = await Shell.RunAsync("mosquitto_sub", [
            "-h", "localhost", "-p", fleet.Cloud.MqttPort.ToString(System.Globalization.CultureInfo.InvariantCulture),
            "--cafile", fleet.Cloud.RootCaFile, "--cert", credential.Certificate, "--key", credential.Key,
            "-i", "gateway-01#preflight", "-t", "$aws/things/gateway-01/jobs/notify-next", "-E", "-W", "10"]);
        return result.ExitCode;
    }
}
