using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

/// <summary>The hourly sweep.</summary>
public sealed class ReconcileFleetTests
{
    private readonly Cloud _cloud = new(signs: true);

    [Fact]
    public async Task A_fleet_at_rest_costs_three_reads_of_the_ledger()
    {
        await _cloud.RotateAsync();
        _cloud.Clock.Advance(TimeSpan.FromDays(1));
        _cloud.Faults.Reset();
        await _cloud.SweepAsync();
        Assert.Equal(["ledger.ReadSweepCursor", "ledger.ListDue", "ledger.ListDue"], _cloud.Faults.Calls);
    }

    [Fact]
    public async Task A_rotation_under_way_is_left_alone()
    {
        await _cloud.CreateAsync();
        await _cloud.SweepAsync();
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(30));
        await _cloud.SweepAsync();
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        Assert.Empty(_cloud.Notices);
    }

    [Theory]
    [InlineData("CANCELED")]
    [InlineData("REMOVED")]
    [InlineData("REJECTED")]
    [InlineData("TIMED_OUT")]
    [InlineData("FAILED")]
    public async Task With_job_events_switched_off_an_end_before_the_commit_is_noticed_and_told_once(string status)
    {
        await _cloud.CreateAsync();
        _cloud.End(Cloud.Job, status);
        await SweepAfterAsync(TimeSpan.FromHours(1));
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Contains(status, Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task With_job_events_switched_off_a_good_rotation_is_closed_all_the_same()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.End(Cloud.Job, JobExecution.Succeeded);
        await SweepAfterAsync(TimeSpan.FromMinutes(5));
        Assert.True(_cloud.Old.IsActive);
        await SweepAfterAsync(TimeSpan.FromMinutes(6));
        Assert.DoesNotContain(_cloud.Old.Certificate.Id, _cloud.Registry.Certificates.Keys);
        Assert.Equal([_cloud.New], _cloud.Registry.ActiveOf(Cloud.Thing));
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task After_a_commit_an_end_other_than_success_changes_nothing()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.End(Cloud.Job, "TIMED_OUT");
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.Single(_cloud.Notices);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_closing_that_died_at_any_call_is_finished(bool afterEffect)
    {
        var counting = new Cloud();
        await counting.CreateAsync();
        await counting.CommitAsync();
        counting.Faults.Reset();
        await counting.CloseAsync(JobExecution.Succeeded);
        for (var kill = 0; kill < counting.Faults.Calls.Count; kill++)
        {
            var cloud = new Cloud();
            await cloud.CreateAsync();
            await cloud.CommitAsync();
            cloud.Faults.Reset();
            (cloud.Faults.KillAt, cloud.Faults.AfterEffect) = (kill, afterEffect);
            await Assert.ThrowsAsync<ProcessKilledException>(() => cloud.CloseAsync(JobExecution.Succeeded));
            cloud.Faults.KillAt = null;
            cloud.Clock.Advance(TimeSpan.FromHours(1));
            await cloud.SweepAsync();
            Assert.Equal([cloud.New], cloud.Registry.Certificates.Values);
            Assert.True(cloud.Rotation.LoserSettled);
            Assert.False(cloud.Rotation.IsOpen);
            Assert.Empty(cloud.Notices);
        }
    }

    [Fact]
    public async Task What_an_attest_made_inactive_is_deleted()
    {
        await FailAsync();
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Contains(_cloud.Old.Certificate.Id, _cloud.Registry.Certificates.Keys);
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task Without_a_winner_that_is_attached_and_active_nothing_is_retired_and_it_is_told_once()
    {
        await FailAsync();
        await _cloud.AttestAsync(_cloud.New.Certificate);
        _cloud.New.IsActive = false;
        _cloud.Old.IsActive = true;
        _cloud.Old.Things[Cloud.Thing] = true;
        _cloud.Notices.Clear();
        await SweepAfterAsync(TimeSpan.FromHours(1));
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.True(_cloud.Old.IsActive);
        Assert.Contains("not ACTIVE", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_device_of_the_reference_s_kind_may_go_back_to_stays_until_it_committed_to_a_later_one()
    {
        await _cloud.CreateAsync(token: null);
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, token: null, jobId: "rotate-2");
        await _cloud.CloseAsync("FAILED", "rotate-2", "event-2");
        await SweepAfterAsync(TimeSpan.FromDays(30));
        Assert.Equal(3, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public async Task A_certificate_that_was_made_and_never_recorded_is_found_and_deleted(int pageSize)
    {
        var cloud = new Cloud(signs: true, pageSize: pageSize);
        var innocent = cloud.Registry.Register("1".PadLeft(64, '0'), Cloud.Sign(Cloud.Csr(5), cloud.Clock.GetUtcNow()), null);
        var old = cloud.Registry.Register("2".PadLeft(64, '0'), "no certificate at all", null);
        await cloud.DieAfterIssuingAsync();
        var orphan = cloud.Registry.Certificates.Values.Last();
        Assert.Equal(Outcome.Accepted, await cloud.CreateAsync());
        Assert.NotEqual(orphan.Certificate.Id, cloud.New.Certificate.Id);
        await cloud.CommitAsync();
        await cloud.CloseAsync(JobExecution.Succeeded);

        cloud.Clock.Advance(TimeSpan.FromHours(1));
        await cloud.SweepAsync();
        Assert.Equal([innocent, old, cloud.New], cloud.Registry.Certificates.Values);
        Assert.False(cloud.Rotation.IsOpen);
        Assert.Empty(cloud.Notices);
    }

    [Fact]
    public async Task So_is_one_that_nobody_asked_for_again_whose_lease_is_marked_abandoned_first()
    {
        await _cloud.DieAfterIssuingAsync();
        await SweepAfterAsync(TimeSpan.FromMinutes(11));
        Assert.Equal(RotationState.Abandoned, _cloud.Rotation.State);
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal([_cloud.Old], _cloud.Registry.Certificates.Values);

        // The device may ask again, and gets one.
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_certificate_of_a_rotation_s_key_that_somebody_attached_is_left_and_told_of_once()
    {
        await _cloud.DieAfterIssuingAsync();
        var orphan = _cloud.Registry.Certificates.Values.Last();
        orphan.Things["pump2"] = true;
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Notices.Clear();
        await SweepAfterAsync(TimeSpan.FromHours(1));
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.True(orphan.IsActive);
        Assert.Contains(orphan.Certificate.Id, Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_certificates_made_in_a_suspect_s_own_minutes_are_looked_at()
    {
        await _cloud.DieAfterIssuingAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var between = _cloud.Registry.Register("3".PadLeft(64, '0'), Cloud.Sign(Cloud.Csr(6), _cloud.Clock.GetUtcNow()), null);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var other = new Rotation
        {
            Thing = "pump2", RotationId = "r", JobId = "gone", QueuedAt = 1, ExecutionNumber = 1, State = RotationState.Issuing, KeyHash = "k", Old = _cloud.Old.Certificate,
            SpeaksTokens = true, Trail = [new Transition(RotationState.Issuing, _cloud.Clock.GetUtcNow(), null)],
        };
        await _cloud.Ledger.OpenAsync(other.Suspecting(_cloud.Clock.GetUtcNow()), null, TestContext.Current.CancellationToken);
        _cloud.Faults.Reset();
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Single(_cloud.Faults.Calls, c => c == "iot.DescribeCertificate");
        Assert.Equal([_cloud.Old, between], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_search_that_runs_out_of_time_goes_on_where_it_stopped()
    {
        var cloud = new Cloud(signs: true, pageSize: 1);
        await cloud.DieAfterIssuingAsync();
        var orphan = cloud.Registry.Certificates.Values.Last();
        await cloud.CloseAsync("TIMED_OUT");
        for (var i = 0; i < 6; i++)
        {
            cloud.Clock.Advance(TimeSpan.FromSeconds(5));
            cloud.Registry.Register($"{i}".PadLeft(64, '0'), "someone's", null);
        }

        cloud.Clock.Advance(TimeSpan.FromHours(1));
        var sweeps = 0;
        for (; cloud.Rotation.Unrecorded is not null && sweeps < 20; sweeps++)
        {
            // Each describe of a certificate takes a second of this sweep's four.
            cloud.Faults.FailWith = name =>
            {
                if (name == "iot.DescribeCertificate")
                {
                    cloud.Clock.Advance(TimeSpan.FromSeconds(1));
                }

                return null;
            };
            await cloud.SweepAsync(seconds: 4);
            cloud.Clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.InRange(sweeps, 2, 4);
        Assert.DoesNotContain(orphan, cloud.Registry.Certificates.Values);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_device_that_used_to_attest_and_is_not_heard_any_more_is_told_of_once_for_each_silence(bool rotated)
    {
        if (rotated)
        {
            await _cloud.RotateAsync();
        }

        var inUse = rotated ? _cloud.New : _cloud.Old;
        await _cloud.AttestAsync(inUse.Certificate);
        await SweepAfterAsync(TimeSpan.FromHours(71));
        Assert.Empty(_cloud.Notices);
        await SweepAfterAsync(TimeSpan.FromHours(2));
        await SweepAfterAsync(TimeSpan.FromHours(2));
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal((NoticeKind.Alarm, "DEVICE_SILENT", null, inUse.Certificate.Id), (notice.Kind, notice.Code, notice.JobId, notice.InUse));
        Assert.True(inUse.IsActive);

        await _cloud.AttestAsync(inUse.Certificate);
        await SweepAfterAsync(TimeSpan.FromHours(73));
        Assert.Equal(2, _cloud.Notices.Count);
    }

    [Fact]
    public async Task A_device_that_was_heard_otherwise_is_not_silent()
    {
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        _cloud.Clock.Advance(TimeSpan.FromHours(70));
        _cloud.AddJob(Cloud.Job);
        await _cloud.RotateAsync();
        await SweepAfterAsync(TimeSpan.FromHours(10));
        Assert.Empty(_cloud.Notices);
    }

    [Theory]
    [InlineData("token-1")]
    [InlineData(null)]
    public async Task A_rotation_that_waits_for_the_device_s_word_is_told_of_when_it_does_not_come(string? token)
    {
        await _cloud.CreateAsync(token: token);
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Notices.Clear();
        await SweepAfterAsync(TimeSpan.FromHours(71));
        Assert.Empty(_cloud.Notices);
        await SweepAfterAsync(TimeSpan.FromHours(2));
        await SweepAfterAsync(TimeSpan.FromHours(24));
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal(("DEVICE_SILENT", Cloud.Job, "reconcile"), (notice.Code, notice.JobId, notice.Step));
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task Of_a_device_out_of_service_nobody_is_told()
    {
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        _cloud.Old.Things.Clear();
        await SweepAfterAsync(TimeSpan.FromHours(100));
        await SweepAfterAsync(TimeSpan.FromHours(100));
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task One_thing_s_trouble_is_not_another_s()
    {
        await FailAsync();
        await _cloud.AttestAsync(_cloud.New.Certificate);
        _cloud.Faults.FailWith = name => name == "iot.ListThingPrincipals" ? new DependencyException("iot", "l", "ThrottlingException", "slow down") : null;
        await SweepAfterAsync(TimeSpan.FromHours(100));
        _cloud.Faults.FailWith = null;
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
    }

    private async Task FailAsync()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
    }

    private async Task SweepAfterAsync(TimeSpan time)
    {
        _cloud.Clock.Advance(time);
        await _cloud.SweepAsync();
    }
}
