using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>After the switch the cloud refuses the old and the new credential. Which one it accepts again, and when, is the test's.</summary>
public sealed class AlternationTests : IDisposable
{
    private readonly VirtualRig _rig;
    private bool _isOldAccepted, _isNewAccepted, _isProbeBlind, _isCutOff;

    public AlternationTests()
    {
        _rig = new VirtualRig { Probe = new Probe(this) };
        _rig.Backend.Queue("job-1");
        _rig.Backend.Loses = (_, _) => _rig.Restarts.Count > 0 && !IsAccepted(_rig.CertificateId);
        _rig.StartNucleus();
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Each_has_its_turn_twice_as_long_as_the_last_up_to_a_day_and_neither_is_deleted()
    {
        _rig.RunFor(TimeSpan.FromDays(20));

        var lengths = _rig.Restarts.Zip(_rig.Restarts.Skip(1), (a, b) => b.At - a.At).ToArray();
        Assert.Equal(_rig.Restarts.Select((_, i) => i % 2 == 1), _rig.Restarts.Select(t => t.IsOld));
        Assert.InRange(lengths[0], TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(20));
        Assert.InRange(lengths[3], lengths[2] * 1.7, lengths[2] * 2.4);
        Assert.InRange(lengths[^1], TimeSpan.FromHours(24), TimeSpan.FromHours(30.1));
        Assert.InRange(_rig.Restarts.Count, 20, 30);
        Assert.Equal(2, _rig.Credentials);
        Assert.Contains("neither is deleted", _rig.Log, StringComparison.Ordinal);
        Assert.Equal("IN_PROGRESS", _rig.JobStatus);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(100, true)]
    [InlineData(100, false)]
    [InlineData(120, true)]
    [InlineData(120, false)]
    public void Whichever_the_cloud_accepts_again_is_found_and_the_job_ends_accordingly(int hours, bool isNew)
    {
        _rig.RunFor(TimeSpan.FromHours(hours));
        (_isNewAccepted, _isOldAccepted) = (isNew, !isNew);

        _rig.RunFor(TimeSpan.FromDays(1.5));

        Assert.IsType<RotationState.Idle>(_rig.Driver.State);
        Assert.Equal(isNew ? "SUCCEEDED" : "FAILED", _rig.JobStatus);
        Assert.Equal(isNew, _rig.CertificateId != _rig.Old);
        Assert.Contains("tried by turns", _rig.Detail("note"), StringComparison.Ordinal);
        Assert.Equal((isNew, 1), (_rig.Backend.OldIsRetired, _rig.Credentials));
    }

    [Fact]
    public void A_commit_that_was_accepted_is_not_asked_for_again()
    {
        // The cloud hears the commit, answers it, and accepts neither certificate any more.
        var wasCommitted = false;
        _rig.Backend.Loses = (_, m) => wasCommitted ? !_isNewAccepted : m["status"]?.GetValue<string>() == "SUCCEEDED" && (wasCommitted = true);
        _rig.RunFor(TimeSpan.FromHours(2), () => _rig.Driver.State is RotationState.Stranded);
        Assert.IsType<RotationState.Stranded>(_rig.Driver.State);

        _isNewAccepted = true;
        _rig.RunFor(TimeSpan.FromDays(1));

        Assert.Equal("SUCCEEDED", _rig.JobStatus);
        Assert.Single(_rig.Backend.SentTo("/commit"));
        Assert.NotEqual(_rig.Old, _rig.CertificateId);
        Assert.Equal(1, _rig.Credentials);
    }

    [Fact]
    public void Where_no_probe_can_tell_two_turns_of_the_old_one_around_one_of_the_new_one_are_evidence()
    {
        _isProbeBlind = true;
        _rig.RunFor(TimeSpan.FromHours(1));
        _isOldAccepted = true;

        _rig.RunFor(TimeSpan.FromDays(2));

        Assert.Equal("FAILED", _rig.JobStatus);
        Assert.Contains("and the new one between did not", _rig.Detail("reason"), StringComparison.Ordinal);
        Assert.Equal(_rig.Old, _rig.CertificateId);
    }

    [Fact]
    public void Starts_of_the_component_and_of_the_nucleus_do_not_begin_a_turn_anew()
    {
        _rig.RunFor(TimeSpan.FromHours(2), () => _rig.Driver.State is RotationState.Stranded { Reconnected: true });
        var (start, told) = (_rig.Time.Now, _rig.Restarts.Count);
        for (var i = 0; _rig.Restarts.Count == told && i < 30; i++)
        {
            // Each start loses at most the interval that it falls into.
            _rig.RunFor(TimeSpan.FromMinutes(8), () => _rig.Restarts.Count > told);
            if (i % 2 == 0)
                _rig.StartNucleus();
            else
                _rig.StartComponent();
        }
        Assert.InRange(_rig.Time.Now - start, TimeSpan.FromMinutes(25), TimeSpan.FromMinutes(45));
    }

    [Fact]
    public void No_network_is_no_reason_to_change_places()
    {
        _isCutOff = true;
        _rig.RunFor(TimeSpan.FromDays(3));
        Assert.Single(_rig.Restarts);
    }

    private bool IsAccepted(string certificate) => certificate == _rig.Old ? _isOldAccepted : _isNewAccepted;

    private sealed class Probe(AlternationTests test) : ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, null));

        /// <summary>As itself where the nucleus is offline, and beside it otherwise, which a blind one is not allowed.</summary>
        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation)
        {
            var isOffline = !test._isCutOff && !test.IsAccepted(test._rig.CertificateId);
            var (o, n) = (Result(test._isOldAccepted), Result(test._isNewAccepted));
            return Task.FromResult(new RotationEvent.Compared(o, n, o, isOffline && (o, n) == (ProbeResult.Failed, ProbeResult.Failed)));
        }

        private ProbeResult Result(bool isAccepted) => isAccepted && !test._isProbeBlind ? ProbeResult.Accepted : ProbeResult.Failed;
    }
}
