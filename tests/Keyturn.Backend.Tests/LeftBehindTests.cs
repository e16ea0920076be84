using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>What one rotation left, met by the next message, the next rotation or the sweep.</summary>
public sealed class LeftBehindTests
{
    private readonly Cloud _cloud = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rotation_whose_end_nobody_heard_of_is_told_of_by_the_next_one_with_the_certificate_in_use(bool overTheNewOne)
    {
        await _cloud.CreateAsync();
        var inUse = overTheNewOne ? _cloud.New : _cloud.Old;
        _cloud.End(Cloud.Job, "TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.AddJob("rotate-2");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: inUse.Certificate.Id));
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal((NoticeKind.RotationFailed, Cloud.Job, inUse.Certificate.Id), (notice.Kind, notice.JobId, notice.InUse));
        Assert.Contains("begun another rotation", notice.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_made_while_the_next_rotation_closed_its_own_is_retired_by_the_sweep_if_its_maker_dies()
    {
        var cloud = new Cloud(signs: true);
        cloud.Faults.FailWith = name =>
        {
            if (name == "iot.CreateCertificate")
            {
                // The device has heard of the job's end and begins the next.
                cloud.Faults.FailWith = null;
                cloud.End(Cloud.Job, "REMOVED");
                cloud.Clock.Advance(TimeSpan.FromSeconds(1));
                cloud.AddJob("rotate-2");
                cloud.CreateAsync(key: 1, jobId: "rotate-2").GetAwaiter().GetResult();
                // Where it would find that, it dies.
                cloud.Faults.FailWith = later => later == "ledger.Read" ? new DependencyException("ddb", "Query", "RequestTimeout", "no answer") : null;
            }

            return null;
        };
        await cloud.CreateAsync();
        cloud.Faults.FailWith = null;
        Assert.Equal(3, cloud.Registry.Certificates.Values.Count(c => c.IsActive));

        cloud.Clock.Advance(TimeSpan.FromMinutes(20));
        await cloud.SweepAsync();
        Assert.Equal(2, cloud.Registry.Certificates.Count);
        Assert.All(cloud.Registry.Certificates.Values, c => Assert.NotEmpty(c.Things));
    }

    [Fact]
    public async Task A_rotation_whose_end_was_told_of_is_not_told_of_again_by_the_next_one()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.AddJob("rotate-2");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task A_job_that_was_queued_again_under_the_same_name_is_the_end_of_the_rotation_before()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(11));
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.SweepAsync();
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Contains("DELETED", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_is_gone_without_a_trace_is_too()
    {
        await _cloud.CreateAsync();
        _cloud.Executions.Clear();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(11));
        await _cloud.SweepAsync();
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task When_the_old_certificate_s_word_ended_it_the_sweep_deletes_the_new_one()
    {
        await ClosedOldAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.Equal([_cloud.Old], _cloud.Registry.Certificates.Values);
        Assert.False(_cloud.Rotation.IsOpen);
    }

    [Fact]
    public async Task An_alarm_about_a_certificate_that_was_left_names_the_one_that_the_device_can_use()
    {
        await ClosedOldAsync();
        _cloud.New.Things["pump2"] = true;
        _cloud.Notices.Clear();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal(("NOT_RETIRED", _cloud.Old.Certificate.Id), (notice.Code, notice.InUse));
    }

    /// <summary>An image of the device, from before the rotation, was put back while the old certificate had not gone yet.</summary>
    [Fact]
    public async Task The_certificate_that_the_latest_rotation_ended_in_favour_of_is_never_an_earlier_one_s_leftover()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        DieAt("iot.UpdateCertificate");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CloseAsync(JobExecution.Succeeded));
        _cloud.Faults.Reset();
        Assert.True(_cloud.Old.IsActive);

        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.AddJob("rotate-2");
        // Two could be used: an operator has to say that the one of the rotation is gone.
        Assert.Equal(RefusalCode.UnknownCertificate, (await _cloud.CreateAsync(key: 1, jobId: "rotate-2")).Code);
        _cloud.New.IsActive = false;
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        await _cloud.CloseAsync("FAILED", "rotate-2", "event-2");
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        await _cloud.AttestAsync(_cloud.Old.Certificate, nonce);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.True(_cloud.Old.IsActive);
        Assert.Contains(Cloud.Thing, _cloud.Old.Things);
        Assert.All(_cloud.Ledger.Rotations, r => Assert.False(r.IsOpen));
    }

    [Fact]
    public async Task A_loser_deleted_by_hand_at_that_moment_is_settled_without_a_word()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        Before("iot.UpdateCertificate", () =>
        {
            _cloud.Registry.Certificates.Remove(_cloud.Old.Certificate.Id);
            return Task.CompletedTask;
        });
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.False(_cloud.Rotation.IsOpen);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_certificate_recorded_and_never_completed_commits_and_verifies_nothing()
    {
        DieAt("iot.AttachThingPrincipal");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
        Assert.Equal(RefusalCode.UnknownRotation, (await _cloud.CommitAsync()).Code);
        Assert.Equal(RefusalCode.UnknownRotation, (await _cloud.CommitAsync(verify: true, rotationId: _cloud.Rotation.RotationId)).Code);
        Assert.Equal(RotationState.Issuing, _cloud.Rotation.State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_frozen_rotation_is_final_for_both_certificates(bool old)
    {
        await _cloud.CreateAsync();
        await _cloud.CreateAsync(key: 1);
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CommitAsync(principal: (old ? _cloud.Old : _cloud.New).Certificate.Id)).Code);
    }

    [Fact]
    public async Task Each_thing_of_a_long_list_of_silent_ones_is_told_of()
    {
        var cloud = new Cloud(pageSize: 1);
        foreach (var thing in (string[])["pump2", "pump3", "pump4"])
        {
            cloud.Registry.Add(thing);
            await cloud.Ledger.RecordHeardAsync(new HeardDevice(thing, cloud.Clock.GetUtcNow(), "c", "2.0.0", "file", 1), Cancellation);
            cloud.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        cloud.Clock.Advance(TimeSpan.FromHours(73));
        await cloud.SweepAsync();
        Assert.Equal(["pump2", "pump3", "pump4"], cloud.Notices.Select(n => n.Thing));
    }

    /// <summary>Of a device that attests, and of one of the reference's kind, which never does.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_silence_while_a_rotation_waits_names_the_certificate_that_the_ledger_counts_on(bool attested, bool committed)
    {
        if (attested)
        {
            await _cloud.AttestAsync(_cloud.Old.Certificate);
        }

        await _cloud.CreateAsync();
        if (committed)
        {
            await _cloud.CommitAsync();
        }

        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Notices.Clear();
        _cloud.Clock.Advance(TimeSpan.FromHours(80));
        await _cloud.SweepAsync();
        Assert.Equal((committed ? _cloud.New : _cloud.Old).Certificate.Id, Assert.Single(_cloud.Notices).InUse);
        Assert.True((await _cloud.Ledger.ReadAsync(Cloud.Thing, Cancellation)).Heard!.IsSilent);
    }

    [Theory]
    [InlineData(RotationState.Issuing, null)]
    [InlineData(RotationState.Abandoned, null)]
    [InlineData(RotationState.Issued, null)]
    [InlineData(RotationState.Committed, null)]
    [InlineData(RotationState.Reconcile, null)]
    [InlineData(RotationState.Frozen, null)]
    [InlineData(RotationState.ClosedNew, "old")]
    [InlineData(RotationState.ClosedOld, "new")]
    public void Only_a_closed_rotation_has_a_certificate_that_must_go(RotationState state, string? loser) =>
        Assert.Equal(loser, Of(state).Loser?.Id);

    [Fact]
    public void A_window_in_which_a_certificate_may_have_been_made_never_shrinks()
    {
        var opened = DateTimeOffset.UnixEpoch;
        var rotation = Of(RotationState.Issuing) with { New = null };
        var late = rotation.Suspecting(opened.AddHours(1));
        Assert.Equal(new UnrecordedWindow(opened, opened.AddHours(1).AddMinutes(2)), late.Unrecorded);
        Assert.Equal(late.Unrecorded, late.Suspecting(opened.AddMinutes(1)).Unrecorded);
        Assert.Equal(opened.AddHours(2).AddMinutes(2), late.Suspecting(opened.AddHours(2)).Unrecorded!.To);
        Assert.Null(Of(RotationState.Issuing).Suspecting(opened.AddHours(1)).Unrecorded);
    }

    private static Rotation Of(RotationState state) => new()
    {
        Thing = Cloud.Thing, RotationId = "r", JobId = Cloud.Job, QueuedAt = 1, ExecutionNumber = 1, State = state, KeyHash = "k", SpeaksTokens = true,
        Old = new Certificate("old", "arn:old"), New = new Certificate("new", "arn:new"),
        Trail = [new Transition(RotationState.Issuing, DateTimeOffset.UnixEpoch, "old")],
    };

    private async Task ClosedOldAsync()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        await _cloud.AttestAsync(_cloud.Old.Certificate, nonce);
        Assert.Equal(RotationState.ClosedOld, _cloud.Rotation.State);
    }

    private void DieAt(string call)
    {
        _cloud.Faults.Reset();
        _cloud.Faults.FailWith = name =>
        {
            _cloud.Faults.KillAt = name == call ? _cloud.Faults.Calls.Count - 1 : null;
            return null;
        };
    }

    private void Before(string call, Func<Task> other) => _cloud.Faults.FailWith = name =>
    {
        if (name == call)
        {
            _cloud.Faults.FailWith = null;
            other().GetAwaiter().GetResult();
        }

        return null;
    };
}
