using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

public sealed class CloseRotationTests
{
    private readonly Cloud _cloud = new();

    [Fact]
    public async Task Committed_and_succeeded_leaves_the_new_certificate_alone()
    {
        await _cloud.RotateAsync();
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
        Assert.True(_cloud.Rotation.LoserSettled);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_good_rotation_makes_ten_control_plane_and_jobs_calls()
    {
        await _cloud.RotateAsync();
        string[] counted = [.. _cloud.Faults.Calls.Where(c => c.StartsWith("iot.", StringComparison.Ordinal) || c.StartsWith("jobs.", StringComparison.Ordinal))];
        Assert.Equal(
            [
                "jobs.DescribeJobExecution", "iot.ListThingPrincipals", "iot.CreateCertificate", "iot.ListAttachedPolicies", "iot.AttachPolicy",
                "iot.AttachThingPrincipal", "iot.ListThingPrincipals", "iot.UpdateCertificate", "iot.DetachThingPrincipal", "iot.DeleteCertificate",
            ],
            counted);
    }

    [Fact]
    public async Task Detaching_may_take_its_time()
    {
        _cloud.Registry.DetachTakes = TimeSpan.FromSeconds(5);
        await _cloud.RotateAsync();
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task Copies_of_the_event_change_nothing_and_cost_little()
    {
        await _cloud.RotateAsync();
        _cloud.Faults.Reset();
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Equal(["ledger.Read"], _cloud.Faults.Calls);
        Assert.Empty(_cloud.Notices);
    }

    [Theory]
    [InlineData("FAILED")]
    [InlineData("REJECTED")]
    [InlineData("TIMED_OUT")]
    [InlineData("CANCELED")]
    [InlineData("REMOVED")]
    [InlineData("SUCCEEDED")]
    public async Task An_issued_rotation_whose_job_ends_waits_for_the_device_and_is_told_of_once(string status)
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync(status, reason: "no space left on device");
        await _cloud.CloseAsync(status, reason: "no space left on device");

        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal((Cloud.Thing, Cloud.Job), (notice.Thing, notice.JobId));
        Assert.Contains(status, notice.Reason, StringComparison.Ordinal);
        Assert.Contains("no space left on device", notice.Reason, StringComparison.Ordinal);
        Assert.Equal(_cloud.Old.Certificate.Id, notice.InUse);
        Assert.StartsWith("Nothing", notice.ToDo, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deleting_the_job_of_a_good_rotation_is_nobody_s_failure()
    {
        await _cloud.RotateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.CloseAsync("DELETED", eventId: "event-2");
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task Deleting_the_job_of_a_failed_rotation_is_not_told_of_again()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.CloseAsync("DELETED", eventId: "event-2");
        Assert.Single(_cloud.Notices);
    }

    [Theory]
    [InlineData("FAILED")]
    [InlineData("TIMED_OUT")]
    [InlineData("CANCELED")]
    public async Task A_committed_rotation_without_success_deletes_nothing(string status)
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        await _cloud.CloseAsync(status);
        await _cloud.CloseAsync(status);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
        Assert.Equal(_cloud.New.Certificate.Id, Assert.Single(_cloud.Notices).InUse);
    }

    [Fact]
    public async Task A_refused_create_is_explained_in_one_message_however_often_the_event_comes()
    {
        var second = _cloud.Registry.Add(Cloud.Thing);
        await _cloud.CreateAsync();
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("FAILED", reason: "create refused");
        await _cloud.CloseAsync("FAILED", reason: "create refused");

        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal((NoticeKind.RotationFailed, Cloud.Thing, Cloud.Job), (notice.Kind, notice.Thing, notice.JobId));
        Assert.Equal(RefusalCode.UnknownCertificate, notice.Code);
        Assert.Contains(second.Certificate.Id, notice.Reason, StringComparison.Ordinal);
        Assert.Contains("INACTIVE", notice.ToDo, StringComparison.Ordinal);
        Assert.Equal(_cloud.Old.Certificate.Id, notice.InUse);
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task The_same_job_refused_in_a_later_execution_is_another_matter()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.Registry.Add(Cloud.Thing);
        Assert.Equal(RefusalCode.UnknownCertificate, (await _cloud.CreateAsync(key: 1)).Code);
        await _cloud.CloseAsync("FAILED", eventId: "event-2");
        Assert.Equal(["JOB_ENDED", RefusalCode.UnknownCertificate], _cloud.Notices.Select(n => n.Code));
    }

    [Fact]
    public async Task A_device_that_fails_before_it_asks_is_told_of_and_in_its_next_execution_again()
    {
        await _cloud.CloseAsync("FAILED", reason: "disk full");
        await _cloud.CloseAsync("FAILED", reason: "disk full");
        Assert.Contains("disk full", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        await _cloud.CloseAsync("FAILED", eventId: "event-2", reason: "disk full");
        Assert.Equal(2, _cloud.Notices.Count);
    }

    [Fact]
    public async Task So_is_one_that_fails_so_after_an_earlier_execution_was_dealt_with()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CloseAsync("FAILED", eventId: "event-2", reason: "disk full");
        Assert.Equal(2, _cloud.Notices.Count);
        Assert.Contains("disk full", _cloud.Notices[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_without_an_id_is_one_matter_however_often_it_comes()
    {
        await _cloud.CloseAsync("FAILED", eventId: null);
        await _cloud.CloseAsync("FAILED", eventId: null);
        Assert.Single(_cloud.Notices);
    }

    [Theory]
    [InlineData("FAILED", false)]
    [InlineData("FAILED", true)]
    [InlineData("SUCCEEDED", false)]
    public async Task Where_no_certificate_was_issued_the_step_is_the_one_that_the_device_named(string status, bool refused)
    {
        if (refused)
        {
            _cloud.Registry.Add(Cloud.Thing);
            await _cloud.CreateAsync();
        }

        await _cloud.CloseAsync(status, step: "making a key");
        Assert.Equal("making a key", Assert.Single(_cloud.Notices).Step);
    }

    [Theory]
    [InlineData("CANCELED")]
    [InlineData("REMOVED")]
    [InlineData("DELETED")]
    public async Task A_job_called_off_before_the_device_asked_is_nobody_s_failure(string status)
    {
        await _cloud.CloseAsync(status);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_success_that_no_certificate_stands_behind_raises_an_alarm()
    {
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Equal(NoticeKind.Alarm, Assert.Single(_cloud.Notices).Kind);
        Assert.True(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task A_late_event_of_an_earlier_execution_does_not_touch_the_present_one()
    {
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var late = new JobEvent(Cloud.Thing, Cloud.Job, JobExecution.Succeeded, _cloud.Clock.GetUtcNow().ToUnixTimeSeconds() - 60, "e0", null, null, null);
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        await new CloseRotation(
                _cloud.Registry, _cloud.Ledger, _cloud, _cloud.Clock, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)
            .HandleAsync(late, TestContext.Current.CancellationToken);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.True(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task Nothing_is_retired_while_the_certificate_that_stays_is_not_attached()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.New.Things.Clear();
        await _cloud.CloseAsync(JobExecution.Succeeded);
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.True(_cloud.Old.IsActive);
        Assert.Equal("NOT_RETIRED", Assert.Single(_cloud.Notices).Code);
    }

    [Fact]
    public async Task Nor_while_it_is_not_active_unless_it_authenticated_just_now()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        _cloud.New.IsActive = false;
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.True(_cloud.Old.IsActive);

        _cloud.New.IsActive = true;
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_certificate_that_somebody_attached_elsewhere_is_left_alone()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Old.Things.Clear();
        _cloud.Old.Things["pump7"] = true;
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.True(_cloud.Old.IsActive);
        Assert.Equal("NOT_RETIRED", Assert.Single(_cloud.Notices).Code);
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_frozen_rotation_is_told_of_at_the_freeze_and_not_again()
    {
        await _cloud.CreateAsync(key: 0);
        await _cloud.CreateAsync(key: 1);
        await _cloud.CloseAsync("FAILED");
        Assert.Equal(RefusalCode.RotationFrozen, Assert.Single(_cloud.Notices).Code);
        Assert.Equal(RotationState.Frozen, _cloud.Rotation.State);
    }
}
