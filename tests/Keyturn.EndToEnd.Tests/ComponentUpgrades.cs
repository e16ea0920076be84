using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>A deployment brings 2.0.1 in place of 2.0.0: no rotation is lost by it, and none is done twice.</summary>
public sealed class ComponentUpgrades
{
    [Fact]
    public async Task At_rest_the_new_version_takes_the_next_job()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        OnlyARotationLoadsOpenSsl(device);

        var end = await UpgradeAsync(fleet, device, "2.0.1");
        var log = await LocalFleet.RotatorSaysAsync(device, "Ready:", times: 2);
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");

        Assert.Equal(new DeploymentEnd("SUCCEEDED", ""), end);
        Assert.Contains("asks to go on: go ahead", log, StringComparison.Ordinal);
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
        await OneCertificateEachAsync(fleet, device, rotations: 1);
    }

    /// <param name="moment">A line of the component's log, on which the deployment is handed over.</param>
    [Theory]
    [InlineData("Starting -> Keyed")]
    [InlineData("Proven -> Switching")]
    [InlineData("Switching -> Trial")]
    [InlineData("Committing -> Committed")]
    public async Task During_a_rotation_the_new_version_finishes_it(string moment)
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await LocalFleet.RotatorSaysAsync(device, moment);

        var end = await UpgradeAsync(fleet, device, "2.0.1");

        Assert.Equal(new DeploymentEnd("SUCCEEDED", ""), end);
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
        await OneCertificateEachAsync(fleet, device, rotations: 1);
        // What the nucleus runs from now on is the new version.
        Assert.Contains("2.0.1", await File.ReadAllTextAsync(Path.Combine(device.Root, "config", "config.tlog"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Removed_during_a_rotation_and_brought_back_it_ends_the_rotation()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Starting -> Keyed");

        var removed = await fleet.DeployAsync(device, [], TimeSpan.FromMinutes(2), remove: LocalFleet.Rotator);
        var back = await UpgradeAsync(fleet, device, "2.0.0");

        Assert.Equal(("SUCCEEDED", "SUCCEEDED"), (removed.Status, back.Status));
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
        await OneCertificateEachAsync(fleet, device, rotations: 1);
    }

    /// <summary>A quarter of what the component holds at rest otherwise: docs/figures.md.</summary>
    private static void OnlyARotationLoadsOpenSsl(DemoDevice device)
    {
        // It is undumpable, and only root may look into such a process.
        if (!Environment.IsPrivilegedProcess)
            return;
        var commandLine = $"run\0--root\0{device.Root}\0";
        var component = Directory.EnumerateDirectories("/proc").Where(p => int.TryParse(Path.GetFileName(p), out _))
            .Single(p => Read(p, "cmdline").EndsWith(commandLine, StringComparison.Ordinal) && Read(p, "cmdline").Split('\0')[0].EndsWith("certificate-rotator", StringComparison.Ordinal));
        Assert.Contains("certificate-rotator", Read(component, "maps"), StringComparison.Ordinal);
        Assert.DoesNotContain("libcrypto", Read(component, "maps"), StringComparison.Ordinal);

        static string Read(string process, string name)
        {
            try
            {
                return File.ReadAllText(Path.Combine(process, name));
            }
            catch (IOException)
            {
                // It has just ended.
                return "";
            }
        }
    }

    private static Task<DeploymentEnd> UpgradeAsync(LocalFleet fleet, DemoDevice device, string version) => fleet.DeployAsync(
        device,
        new()
        {
            [LocalFleet.Rotator] = new JsonObject { ["componentVersion"] = version, ["recipe"] = Tools.All.Recipe, ["executable"] = Tools.All.Component },
        },
        TimeSpan.FromMinutes(2));

    /// <summary>One certificate was made for each rotation, and the thing is left with the one that is on the disk.</summary>
    private static async Task OneCertificateEachAsync(LocalFleet fleet, DemoDevice device, int rotations)
    {
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        var calls = JsonSerializer.Deserialize<Dictionary<string, int>>(await http.GetStringAsync("/calls", TestContext.Current.CancellationToken))!;
        // One is the device's first, from its provisioning.
        Assert.Equal(1 + rotations, calls["iot:CreateCertificateFromCsr"]);
        Assert.Equal([device.ReadCertificateId()], await fleet.CertificatesInTheEndAsync(device.Thing));
    }
}
