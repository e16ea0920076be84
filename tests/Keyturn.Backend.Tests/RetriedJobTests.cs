using System.Text;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>A job id has more than one execution and more than one end: retries are queued in the second of the end before, and jobs are deleted.</summary>
public sealed class RetriedJobTests
{
    private readonly Cloud _cloud = new();

    private long Now => _cloud.Clock.GetUtcNow().ToUnixTimeSeconds();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_end_that_is_heard_of_when_the_retry_is_under_way_is_not_the_retry_s(bool refused)
    {
        if (refused)
        {
            Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync(csr: "none")).Code);
        }

        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var end = Now;
        _cloud.AddJob(Cloud.Job, number: 2);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
        await HearAsync("timed_out", "TIMED_OUT", end, "event-1");
        await HearAsync("timed_out", "TIMED_OUT", end, "event-1");
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal(refused ? RefusalCode.CsrRefused : "JOB_ENDED", notice.Code);

        await _cloud.CommitAsync();
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        await HearAsync("succeeded", "SUCCEEDED", Now, "event-2");
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.Single(_cloud.Notices);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_of_the_execution_before_that_comes_late_is_no_second_key(bool retryHasAsked)
    {
        _cloud.Clock.Advance(TimeSpan.FromMinutes(5));
        _cloud.AddJob(Cloud.Job, number: 2);
        if (retryHasAsked)
        {
            Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, token: "new", number: 2));
        }

        Assert.Equal(RefusalCode.JobNotInProgress, (await _cloud.CreateAsync(key: 0, token: "late", number: 1)).Code);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, token: "new", number: 2));
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        Assert.Empty(_cloud.Notices);
    }

    [Theory]
    [InlineData(-3, false)]
    [InlineData(-2, true)]
    [InlineData(0, true)]
    public async Task Nor_is_one_of_the_reference_s_device_that_AWS_IoT_had_before_the_execution_began(int seconds, bool isOfThisOne)
    {
        _cloud.Clock.Advance(TimeSpan.FromMinutes(5));
        _cloud.AddJob(Cloud.Job, number: 2);
        var outcome = await _cloud.CreateAsync(token: null, receivedAt: DateTimeOffset.FromUnixTimeSeconds(Now + seconds));
        Assert.Equal(isOfThisOne ? Outcome.Accepted : new Outcome(OutcomeKind.Silent, RefusalCode.JobNotInProgress), outcome);
        Assert.Equal(isOfThisOne ? 1 : 0, _cloud.Published.Count);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(null, true)]
    [InlineData("late", false)]
    [InlineData("late", true)]
    public async Task Nor_is_one_that_names_no_execution_when_its_key_is_an_earlier_rotation_s(string? token, bool retryHasAsked)
    {
        await _cloud.CreateAsync(token: token);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(5));
        _cloud.AddJob(Cloud.Job, number: 2);
        if (retryHasAsked)
        {
            Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, token: token));
        }

        var published = _cloud.Published.Count;
        var late = await _cloud.CreateAsync(token: token);
        Assert.Equal(RefusalCode.KeyReused, late.Code);
        // Without a token the device would take it for the answer to what it asks now.
        Assert.Equal(token is null ? published : published + 1, _cloud.Published.Count);
        Assert.Equal(retryHasAsked ? RotationState.ClosedOld : RotationState.Issued, _cloud.Ledger.Rotations.First().State);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, token: token));
        Assert.Equal(RotationState.Issued, _cloud.Ledger.Rotations.Last().State);
        Assert.DoesNotContain(_cloud.Notices, n => n.Kind == NoticeKind.Alarm);
    }

    [Fact]
    public async Task The_end_of_the_rotation_before_is_told_of_once_though_the_retry_has_closed_it()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var end = Now;
        _cloud.AddJob(Cloud.Job, number: 2);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1));
        await HearAsync("timed_out", "TIMED_OUT", end, "event-1");
        Assert.Equal([RotationState.ClosedOld, RotationState.Issued], _cloud.Ledger.Rotations.Select(r => r.State));
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task A_device_that_was_refused_and_falls_silent_in_the_retry_is_told_of_twice()
    {
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("failed", "FAILED", Now, "event-1");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await HearAsync("timed_out", "TIMED_OUT", Now, "event-2");
        await HearAsync("timed_out", "TIMED_OUT", Now, "event-2");
        Assert.Equal([RefusalCode.CsrRefused, "JOB_ENDED"], _cloud.Notices.Select(n => n.Code));
    }

    /// <summary>Refused at once again: both executions begin and end in one second.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task So_is_one_that_is_refused_in_the_retry_within_the_same_second(bool rotated)
    {
        await (rotated ? _cloud.CreateAsync() : _cloud.CreateAsync(csr: "none"));
        await HearAsync("failed", "FAILED", Now, "event-1");
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("failed", "FAILED", Now, "event-1");
        Assert.Single(_cloud.Notices);
        await HearAsync("failed", "FAILED", Now, "event-2");
        await HearAsync("failed", "FAILED", Now, "event-2");
        Assert.Equal([rotated ? "JOB_ENDED" : RefusalCode.CsrRefused, RefusalCode.CsrRefused], _cloud.Notices.Select(n => n.Code));
    }

    [Fact]
    public async Task The_end_of_a_retry_within_the_second_of_its_beginning_is_its_own_if_the_device_names_the_rotation()
    {
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync();
        await HearAsync("failed", "FAILED", Now, "event-1", _cloud.Rotation.RotationId);
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Contains("before the device committed", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_is_one_that_was_refused_at_first_in_an_execution_that_failed_later()
    {
        await _cloud.CreateAsync(csr: "none");
        await _cloud.CreateAsync();
        await HearAsync("failed", "FAILED", Now, "event-1");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        await HearAsync("timed_out", "TIMED_OUT", Now + 3600, "event-2");
        Assert.Equal(2, _cloud.Notices.Count);
        Assert.Contains("TIMED_OUT", _cloud.Notices[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_sweep_that_looks_for_the_end_of_one_execution_never_ends_the_next()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(11));
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.Faults.FailWith = name =>
        {
            if (name == "jobs.DescribeJobExecution")
            {
                _cloud.Faults.FailWith = null;
                Assert.Equal(Outcome.Accepted, _cloud.CreateAsync(key: 1).GetAwaiter().GetResult());
            }

            return null;
        };
        await _cloud.SweepAsync();
        Assert.Equal([(RotationState.ClosedOld, 1), (RotationState.Issued, 2)], _cloud.Ledger.Rotations.Select(r => (r.State, (int)r.ExecutionNumber)));
        Assert.Null(_cloud.Ledger.Rotations.Last().JobEndedAt);
        Assert.Contains("begun another rotation", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_that_was_refused_at_first_and_succeeded_is_not_told_of_when_the_end_before_it_comes_late()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var end = Now;
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync(csr: "none");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1));
        await _cloud.CommitAsync(principal: _cloud.Ledger.Rotations.Last().New!.Id);
        await HearAsync("succeeded", "SUCCEEDED", Now + 5, "event-2");
        await HearAsync("timed_out", "TIMED_OUT", end, "event-1");
        Assert.Equal("JOB_ENDED", Assert.Single(_cloud.Notices).Code);
        Assert.Equal(RotationState.ClosedNew, _cloud.Ledger.Rotations.Last().State);
    }

    [Fact]
    public async Task An_end_that_is_heard_of_while_the_sweep_finds_it_is_told_of_once()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(61));
        _cloud.End(Cloud.Job, "TIMED_OUT");
        _cloud.Faults.FailWith = name =>
        {
            if (name == "jobs.DescribeJobExecution")
            {
                _cloud.Faults.FailWith = null;
                HearAsync("timed_out", "TIMED_OUT", Now - 60, "event-1").GetAwaiter().GetResult();
            }

            return null;
        };
        await _cloud.SweepAsync();
        Assert.Equal((RotationState.Reconcile, Now - 60), (_cloud.Rotation.State, _cloud.Rotation.JobEndedAt));
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task Of_a_retry_that_is_refused_at_once_the_end_of_the_silent_execution_before_it_is_not_the_end()
    {
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("timed_out", "TIMED_OUT", Now, "event-1");
        await HearAsync("failed", "FAILED", Now + 1, "event-2");
        Assert.Equal(["JOB_ENDED", RefusalCode.CsrRefused], _cloud.Notices.Select(n => n.Code));
        Assert.Contains("TIMED_OUT", _cloud.Notices[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_is_not_later_than_another_job_of_its_second_that_came_after_it()
    {
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.RotateAsync();
        _cloud.Clock.Advance(TimeSpan.FromMilliseconds(100));
        _cloud.End(Cloud.Job, JobExecution.Succeeded);
        _cloud.AddJob("rotate-2");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, principal: _cloud.New.Certificate.Id, jobId: "rotate-2"));
        var known = await _cloud.Ledger.ReadAsync(Cloud.Thing, TestContext.Current.CancellationToken);
        Assert.Single(known.Rotations.Select(r => r.QueuedAt).Distinct());
        Assert.Equal("rotate-2", known.Latest!.JobId);
    }

    /// <summary>The event's operation says so; its status is the one from before.</summary>
    [Theory]
    [InlineData("SUCCEEDED", 0)]
    [InlineData("FAILED", 1)]
    [InlineData("IN_PROGRESS", 1)]
    [InlineData("DELETED", 1)]
    public async Task Deleting_a_job_tells_nobody_of_what_was_told_already_or_went_well(string status, int told)
    {
        await _cloud.CreateAsync();
        if (status == "SUCCEEDED")
        {
            await _cloud.CommitAsync();
        }

        if (status != "IN_PROGRESS")
        {
            await HearAsync(status.ToLowerInvariant(), status, Now, "event-1");
        }

        _cloud.Clock.Advance(TimeSpan.FromDays(30));
        await HearAsync("deleted", status, Now, "event-2");
        await HearAsync("deleted", status, Now, "event-2");
        Assert.Equal(told, _cloud.Notices.Count);
        Assert.DoesNotContain(_cloud.Notices, n => n.Kind == NoticeKind.Alarm);
        Assert.Equal(status == "SUCCEEDED" ? RotationState.ClosedNew : RotationState.Reconcile, _cloud.Rotation.State);
    }

    [Fact]
    public async Task Deleting_a_job_that_is_under_way_ends_its_rotation_and_is_told_of_though_the_device_has_begun_the_next()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        var deleted = Now + 1;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.AddJob(Cloud.Job);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, principal: _cloud.New.Certificate.Id));
        await HearAsync("deleted", "IN_PROGRESS", deleted, "event-1");
        await HearAsync("deleted", "IN_PROGRESS", deleted, "event-1");
        Assert.Equal(NoticeKind.RotationFailed, Assert.Single(_cloud.Notices).Kind);
        Assert.Equal([RotationState.ClosedNew, RotationState.Issued], _cloud.Ledger.Rotations.Select(r => r.State));
    }

    /// <summary>Whoever deletes a job knows of it, but not that the rotation's failure was told of with another execution's end.</summary>
    [Theory]
    [InlineData("deleted", "IN_PROGRESS")]
    [InlineData("canceled", "CANCELED")]
    public async Task That_is_told_of_too_when_the_end_of_the_job_created_anew_was_heard_first(string operation, string status)
    {
        await _cloud.CreateAsync();
        var begin = Now;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(10));
        _cloud.AddJob(Cloud.Job);
        await HearAsync("failed", "FAILED", begin + 12, "event-2");
        await HearAsync(operation, status, begin + 3, "event-1");
        await HearAsync(operation, status, begin + 3, "event-1");
        await HearAsync("failed", "FAILED", begin + 12, "event-2");
        Assert.Equal(2, _cloud.Notices.Count);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Nor_of_a_rotation_that_waits_for_longer_than_it_is_kept_that_it_was_told(bool committed, bool frozen)
    {
        await _cloud.CreateAsync();
        if (committed)
        {
            await _cloud.CommitAsync();
        }

        if (frozen)
        {
            await _cloud.CreateAsync(key: 1);
        }

        await HearAsync("failed", "FAILED", Now, "event-1");
        _cloud.Ledger.ExpireNotices();
        _cloud.Clock.Advance(TimeSpan.FromDays(30));
        await HearAsync("deleted", "FAILED", Now, "event-2");
        Assert.Single(_cloud.Notices);
    }

    [Theory]
    [InlineData("SUCCEEDED")]
    [InlineData("FAILED")]
    [InlineData("IN_PROGRESS")]
    public async Task Nor_of_a_device_that_never_asked_or_whose_records_have_expired(string status)
    {
        await HearAsync("deleted", status, Now, "event-1");
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task Deleting_the_job_of_a_success_that_nobody_heard_of_is_the_word_of_it()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        await HearAsync("deleted", "SUCCEEDED", Now + 2, "event-2");
        await HearAsync("succeeded", "SUCCEEDED", Now, "event-1");
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task So_it_is_of_a_refusal_and_the_end_itself_that_comes_later_is_none_of_another_execution()
    {
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("deleted", "FAILED", Now + 2, "event-2");
        await HearAsync("failed", "FAILED", Now, "event-1");
        _cloud.Ledger.ExpireNotices();
        await HearAsync("deleted", "FAILED", Now + 2, "event-2");
        Assert.Equal(RefusalCode.CsrRefused, Assert.Single(_cloud.Notices).Code);
    }

    [Fact]
    public async Task Which_is_told_of_by_the_end_when_telling_it_failed_at_the_deletion()
    {
        await _cloud.CreateAsync(csr: "none");
        _cloud.Faults.FailWith = name => name == "sns.Publish" ? new DependencyException("sns", "Publish", "ThrottlingException", "too many") : null;
        var end = Now;
        await Assert.ThrowsAsync<DependencyException>(() => HearAsync("deleted", "FAILED", end + 2, "event-2"));
        _cloud.Faults.FailWith = null;
        await Assert.ThrowsAsync<DependencyException>(() => HearAsync("failed", "FAILED", end, "event-1"));
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        await HearAsync("deleted", "FAILED", end + 2, "event-2");
        await HearAsync("failed", "FAILED", end, "event-1");
        Assert.Equal(RefusalCode.CsrRefused, Assert.Single(_cloud.Notices).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nor_is_it_the_end_of_a_rotation_so_that_those_of_the_rotation_and_of_its_retry_come_later(bool retrysFirst)
    {
        await _cloud.CreateAsync();
        var begin = Now;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(10));
        await HearAsync("deleted", "FAILED", begin + 9, "event-3");
        foreach (var second in new[] { retrysFirst, !retrysFirst, true, false })
        {
            await HearAsync("failed", "FAILED", begin + (second ? 7 : 3), second ? "event-2" : "event-1");
        }

        await HearAsync("deleted", "FAILED", begin + 9, "event-3");
        Assert.Equal(2, _cloud.Notices.Count);
    }

    [Fact]
    public async Task A_failure_of_the_job_created_anew_is_told_of_once_though_its_deletion_is_heard_before_the_success_of_the_one_before()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        var begin = Now;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(10));
        await HearAsync("deleted", "FAILED", begin + 9, "event-3");
        await HearAsync("succeeded", "SUCCEEDED", begin + 2, "event-1");
        await HearAsync("failed", "FAILED", begin + 7, "event-2");
        Assert.Single(_cloud.Notices);
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
    }

    private Task HearAsync(string operation, string status, long at, string eventId, string rotationId = "unknown") =>
        _cloud.HearAsync(JobEvent.Parse(Encoding.UTF8.GetBytes(FormattableString.Invariant(
            $$"""{"eventType":"JOB_EXECUTION","eventId":"{{eventId}}","timestamp":{{at}},"operation":"{{operation}}","jobId":"{{Cloud.Job}}","thingArn":"arn:aws:iot:us-east-1:012345678901:thing/{{Cloud.Thing}}","status":"{{status}}","statusDetails":{"CertificateRotator":"true","rotationId":"{{rotationId}}"} }"""))));
}
