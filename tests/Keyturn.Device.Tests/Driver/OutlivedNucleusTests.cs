using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>Nucleus lite: what holds the connection is restarted beside the component, which lives from the job to its end.</summary>
public sealed class OutlivedNucleusTests : IDisposable
{
    private readonly VirtualRig _rig;
    private bool _isNewRefused, _isSilentAtSwitch;

    public OutlivedNucleusTests()
    {
        _rig = new VirtualRig { Probe = new Probe(this), IsLite = true };
        _rig.Backend.Queue("job-1");
        _rig.Backend.Loses = (_, _) => _isNewRefused && _rig.CertificateId != _rig.Old;
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void A_rotation_needs_one_life_and_one_restart_and_subscribes_again()
    {
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromMinutes(5), IsOver);

        Assert.Equal("SUCCEEDED", _rig.JobStatus);
        Assert.False(Assert.Single(_rig.Restarts).IsOld);
        Assert.NotEqual(_rig.Old, _rig.CertificateId);
        Assert.Equal(1, _rig.Backend.Reopened);
        Assert.Contains("this component goes on", _rig.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void On_evidence_against_the_new_one_the_old_one_is_restored_and_read_by_a_second_restart()
    {
        _isNewRefused = true;
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromHours(1), IsOver);

        Assert.Equal("FAILED", _rig.JobStatus);
        Assert.Equal([false, true], _rig.Restarts.Select(r => r.IsOld));
        Assert.Equal(_rig.Old, _rig.CertificateId);
    }

    private void SwitchAndRestartNothing()
    {
        _rig.RestartProblem = "systemctl restart failed";
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromMinutes(5), () => _rig.Driver.State is RotationState.Trial);
    }

    [Fact]
    public void A_component_that_ends_between_switch_and_restart_takes_the_session_for_the_one_before_the_switch()
    {
        SwitchAndRestartNothing();
        Assert.Empty(_rig.Restarts);

        _rig.RestartProblem = null;
        _rig.StartComponent();
        _rig.RunFor(TimeSpan.FromMinutes(5), IsOver);

        Assert.Equal("SUCCEEDED", _rig.JobStatus);
        Assert.Single(_rig.Restarts);
    }

    [Fact]
    public void A_daemon_that_somebody_else_has_restarted_since_the_switch_is_believed()
    {
        SwitchAndRestartNothing();

        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromMinutes(5), IsOver);

        Assert.Equal("SUCCEEDED", _rig.JobStatus);
        Assert.Empty(_rig.Restarts);
    }

    [Fact]
    public void A_daemon_that_can_not_be_restarted_leaves_the_old_one_in_use()
    {
        _rig.RestartProblem = "systemctl restart failed";
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromHours(1), () => _rig.Driver.State is RotationState.Aborting);
        _rig.RestartProblem = null;
        _rig.RunFor(TimeSpan.FromHours(1), IsOver);

        Assert.Equal("FAILED", _rig.JobStatus);
        Assert.Equal("systemctl restart failed", _rig.Detail("reason"));
        Assert.Equal(_rig.Old, _rig.CertificateId);
    }

    [Fact]
    public void Where_the_session_can_not_be_told_at_the_switch_nothing_is_concluded_and_the_old_one_stays()
    {
        _isSilentAtSwitch = true;
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromMinutes(10), () => _rig.Driver.State is RotationState.Aborting { Stage: AbortStage.Restore });

        Assert.Equal(_rig.Old, _rig.CertificateId);
        Assert.Empty(_rig.Restarts);
        _rig.IsSilent = false;
        _rig.RunFor(TimeSpan.FromMinutes(10), IsOver);
        Assert.Equal("FAILED", _rig.JobStatus);
        Assert.Contains("systemd does not say", _rig.Detail("reason"), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_session_can_not_be_told_at_the_start_it_is_asked_for_again_before_anything_is_done()
    {
        _rig.IsSilent = true;
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromMinutes(2));
        Assert.Empty(_rig.Backend.Sent);

        _rig.IsSilent = false;
        _rig.RunFor(TimeSpan.FromMinutes(5), IsOver);
        Assert.Equal("SUCCEEDED", _rig.JobStatus);
    }

    private bool IsOver() => _rig.Driver.State is RotationState.Idle { LastOutcome: not null };

    private sealed class Probe(OutlivedNucleusTests test) : ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation)
        {
            test._rig.IsSilent = test._isSilentAtSwitch;
            return Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, null));
        }

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) => Task.FromResult(
            new RotationEvent.Compared(ProbeResult.Accepted, test._isNewRefused ? ProbeResult.Failed : ProbeResult.Accepted, ProbeResult.Accepted));
    }
}
