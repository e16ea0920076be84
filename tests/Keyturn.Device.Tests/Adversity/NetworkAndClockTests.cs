using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;
using Keyturn.Device.Tests.Driver;

namespace Keyturn.Device.Tests.Adversity;

public sealed class NetworkAndClockTests
{
    [Theory]
    [InlineData(-56)]
    [InlineData(-3)]
    [InlineData(30)]
    public async Task A_clock_that_is_years_off_does_not_matter_since_the_clouds_time_counts(int years)
    {
        await using var rig = new DeviceRig(clock: CertificateAuthority.Now.AddYears(years));
        var old = rig.CertificateId;
        rig.Backend.Queue("job-1");
        rig.StartNucleus();

        await rig.UntilRestAsync();

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.NotEqual(old, rig.CertificateId);
        Assert.True(rig.HoldsMatchingPair);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(60 * 48)]
    public async Task A_boot_before_the_router_or_without_network_waits_and_the_rotation_follows(int minutes)
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.IsOpen = false;
        rig.StartNucleus();
        var end = rig.Time.GetUtcNow().AddMinutes(minutes);
        await rig.UntilAsync(() => rig.Time.GetUtcNow() >= end, TimeSpan.FromMinutes(minutes > 60 ? 10 : 1));
        Assert.Empty(rig.Backend.Sent);
        Assert.Equal(rig.OldKey, await File.ReadAllTextAsync(rig.KeyPath, TestContext.Current.CancellationToken));

        rig.Backend.IsOpen = true;
        rig.Driver.ChannelOpened();
        await rig.UntilRestAsync();

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_network_that_fails_after_the_switch_is_no_evidence_and_the_new_credential_stays()
    {
        await using var rig = new DeviceRig { Probe = new NothingReached() };
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (_, _) => rig.Restarts > 0;
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Trial { Reconnected: true }, TimeSpan.FromSeconds(1));
        var @new = rig.CertificateId;
        var end = rig.Time.GetUtcNow().AddHours(12);
        await rig.UntilAsync(() => rig.Time.GetUtcNow() >= end, TimeSpan.FromMinutes(1));
        Assert.Equal(@new, rig.CertificateId);
        Assert.IsType<RotationState.Trial>(rig.Driver.State);

        rig.Backend.Loses = (_, _) => false;
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(10));

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal(@new, rig.CertificateId);
    }

    private sealed class NothingReached : ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Inconclusive, "the endpoint was not reached"));

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed));
    }
}
