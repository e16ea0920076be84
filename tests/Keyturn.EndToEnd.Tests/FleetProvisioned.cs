namespace Keyturn.EndToEnd.Tests;

public sealed class FleetProvisioned
{
    /// <summary>On its first run such a core's effective configuration names no credential; on its second it does. Without interpolation the recipe serves as it is.</summary>
    [Fact]
    public async Task A_core_rotates_on_its_first_run_and_on_later_ones()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.ProvisionAsync("gateway-01", "--fleet-provisioned", "--no-interpolation");
        await fleet.StartCoreAsync(device);
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var effective = await File.ReadAllTextAsync(Path.Combine(device.Root, "config", "effectiveConfig.yaml"), TestContext.Current.CancellationToken);
        Assert.DoesNotContain("thingCert.crt", effective, StringComparison.Ordinal);

        for (var n = 1; n <= 2; n++)
        {
            var before = device.ReadCertificateId();
            await fleet.CreateRotationJobAsync($"rotate-{n}", "gateway-01");
            Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync($"rotate-{n}", "gateway-01")).GetProperty("status").GetString());
            Assert.NotEqual(before, device.ReadCertificateId());
        }
    }
}
