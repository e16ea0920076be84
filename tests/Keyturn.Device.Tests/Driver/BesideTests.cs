using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>What comes of the work beside the loop counts for the step that asked for it, and never gets lost.</summary>
public sealed class BesideTests : IDisposable
{
    private readonly HeldProbe _probe = new();
    private readonly VirtualRig _rig;

    public BesideTests()
    {
        _rig = new VirtualRig { Probe = _probe };
        _rig.Backend.Queue("job-1");
        _rig.StartNucleus();
        Until(() => _probe.Preflights.Count == 1);
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void A_finding_about_the_last_rotations_certificate_says_nothing_of_this_ones()
    {
        _rig.Backend.Job!["status"] = "CANCELED";
        Until(() => _rig.Driver.State is RotationState.Idle);
        _rig.Backend.Queue("job-2");
        _rig.Backend.Notify();
        Until(() => _probe.Preflights.Count == 2);

        _probe.Preflights[0].SetResult(new(PreflightOutcome.Passed, null));
        _rig.RunFor(TimeSpan.FromMinutes(5));
        Assert.IsType<RotationState.Issued>(_rig.Driver.State);
        Assert.Empty(_rig.Restarts);

        _probe.Preflights[1].SetResult(new(PreflightOutcome.Passed, null));
        Until(() => _rig.JobStatus == "SUCCEEDED");
    }

    [Fact]
    public void Work_that_fails_as_nobody_thought_of_is_told_of_and_done_again()
    {
        _probe.Preflights[0].SetException(new InvalidOperationException("the unthought of"));
        Until(() => _probe.Preflights.Count == 2);
        Assert.Contains("the unthought of", _rig.Log, StringComparison.Ordinal);

        _probe.Preflights[1].SetResult(new(PreflightOutcome.Passed, null));
        Until(() => _rig.JobStatus == "SUCCEEDED");
    }

    private void Until(Func<bool> condition)
    {
        _rig.RunFor(TimeSpan.FromHours(2), condition);
        Assert.True(condition(), _rig.Log);
    }

    /// <summary>It ends when the test says so, and hears no one who tells it to stop.</summary>
    private sealed class HeldProbe : ICredentialProbe
    {
        public List<TaskCompletionSource<RotationEvent.PreflightDone>> Preflights { get; } = [];

        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation)
        {
            var held = new TaskCompletionSource<RotationEvent.PreflightDone>();
            Preflights.Add(held);
            return held.Task;
        }

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed));
    }
}
