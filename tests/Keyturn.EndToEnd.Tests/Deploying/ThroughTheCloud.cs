using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests.Deploying;

/// <summary>From <c>keyturn component publish</c> to a device that rotates: the bucket, the version, the group's deployment, the core that fetches it.</summary>
public sealed class ThroughTheCloud
{
    [Fact]
    public async Task A_bare_core_gets_the_component_rotates_and_gets_its_successor()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var somebody = await Operator.AtWorkAsync(fleet);
        var device = await fleet.ProvisionAsync("gateway-01");
        await fleet.StartBareCoreAsync(device);

        Assert.Equal("DEPLOYABLE", (string?)(await Operator.DoneAsync(somebody.PublishAsync("2.0.0")))["state"]);
        // Who forgets the one permission that the documentation names hears of it.
        var forbidden = await somebody.DeployAsync("2.0.0");
        Assert.Equal(2, forbidden.ExitCode);
        var (status, reason, _) = await somebody.LatestOnAsync("gateway-01");
        Assert.Equal("FAILED", status);
        Assert.Contains("FAILED_NO_STATE_CHANGE", reason, StringComparison.Ordinal);
        Assert.Contains($"s3:GetObject on arn:aws:s3:::{Operator.Bucket}/{LocalFleet.Rotator}/2.0.0/certificate-rotator-{Tools.Rid}.zip", reason, StringComparison.Ordinal);
        await somebody.LetCoresReadAsync();
        var report = await Operator.DoneAsync(somebody.DeployAsync("2.0.0"));
        Assert.Equal((1, 0, 0), ((int)report["succeeded"]!, (int)report["notSucceeded"]!, (int)report["underWay"]!));
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        await RotatedAsync(fleet, "rotate-1");

        await Operator.DoneAsync(somebody.PublishAsync("2.0.1"));
        await Operator.DoneAsync(somebody.DeployAsync("2.0.1"));
        var log = await LocalFleet.RotatorSaysAsync(device, "Ready:", times: 3);
        Assert.Contains("asks to go on: go ahead", log, StringComparison.Ordinal);
        await RotatedAsync(fleet, "rotate-2");

        (status, reason, _) = await somebody.LatestOnAsync("gateway-01");
        Assert.Equal(("COMPLETED", "SUCCESSFUL"), (status, reason));
        Assert.Equal("2.0.1", (await somebody.InstalledOnAsync("gateway-01"))[LocalFleet.Rotator]);
        await OneCertificateEachAsync(fleet, somebody, device, rotations: 2);
    }

    [Fact]
    public async Task During_a_rotation_the_deployment_waits_and_the_rotation_is_done_once()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var somebody = await Operator.AtWorkAsync(fleet);
        var device = await fleet.ProvisionAsync("gateway-01");
        await somebody.LetCoresReadAsync();
        await fleet.StartCoreAsync(device);
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        await Operator.DoneAsync(somebody.PublishAsync("2.0.1"));
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Starting -> Keyed");

        var report = await Operator.DoneAsync(somebody.DeployAsync("2.0.1"));

        Assert.Equal(1, (int)report["succeeded"]!);
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
        Assert.Equal("2.0.1", (await somebody.InstalledOnAsync("gateway-01"))[LocalFleet.Rotator]);
        await OneCertificateEachAsync(fleet, somebody, device, rotations: 1);
    }

    private static async Task RotatedAsync(LocalFleet fleet, string job)
    {
        await fleet.CreateRotationJobAsync(job, "gateway-01");
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync(job, "gateway-01")).GetProperty("status").GetString());
    }

    /// <summary>One certificate was made for each rotation, and the thing is left with the one that is on the disk.</summary>
    private static async Task OneCertificateEachAsync(LocalFleet fleet, Operator somebody, DemoDevice device, int rotations)
    {
        // One is the device's first, from its provisioning.
        Assert.Equal(1 + rotations, (await somebody.CallsAsync())["iot:CreateCertificateFromCsr"]);
        Assert.Equal([device.ReadCertificateId()], await fleet.CertificatesInTheEndAsync(device.Thing));
    }
}
