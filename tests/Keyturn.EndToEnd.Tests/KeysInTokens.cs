using System.Text.Json;

namespace Keyturn.EndToEnd.Tests;

/// <summary>The nucleus of the stand-in uses the token through OpenSSL, the component through its own interface: they meet in the token alone.</summary>
public sealed class KeysInTokens
{
    [Theory]
    [InlineData("softhsm")]
    [InlineData("tpm")]
    public async Task A_device_whose_key_never_leaves_its_token_rotates_twice(string store)
    {
        await using var fleet = await LocalFleet.StartAsync("--server-key", "rsa2048");
        var device = await fleet.ProvisionAsync("gateway-01", "--store", store);
        await fleet.StartCoreAsync(device);

        var ids = new List<string> { device.ReadCertificateId() };
        for (var round = 1; round <= 2; round++)
        {
            await fleet.CreateRotationJobAsync($"rotate-{round}", "gateway-01");
            var execution = await fleet.ExecutionEndAsync($"rotate-{round}", "gateway-01");
            Assert.True(execution.GetProperty("status").GetString() == "SUCCEEDED", execution.GetRawText());
            ids.Add(device.ReadCertificateId());
        }
        Assert.Equal(3, ids.Distinct().Count());
        var log = await LocalFleet.RotatorLogAsync(device);
        Assert.Contains("accepted, and heard by the backend", log);
        Assert.DoesNotContain(device.ConfigurationValue("services", "aws.greengrass.crypto.Pkcs11Provider", "configuration", "userPin"), log);

        var status = await Shell.RunAsync(Tools.All.Component, ["status", "--root", device.Root, "--json"], Environment(device.Root));
        Assert.True(status.ExitCode == 0, status.Error);
        var credential = JsonDocument.Parse(status.Output).RootElement.GetProperty("credential");
        Assert.Equal(("pkcs11", ids[^1]), (credential.GetProperty("store").GetString(), credential.GetProperty("certificateId").GetString()));
        var recover = await Shell.RunAsync(Tools.All.Component, ["recover", "--root", device.Root], Environment(device.Root));
        Assert.True(recover.ExitCode == 0, recover.Error);
        Assert.Contains($"complete: certificate {ids[^1]}", recover.Output);
    }

    private static Dictionary<string, string> Environment(string root) =>
        File.ReadLines(Path.Combine(root, "token", "environment")).Select(line => line.Split('=', 2)).ToDictionary(part => part[0], part => part[1]);
}
