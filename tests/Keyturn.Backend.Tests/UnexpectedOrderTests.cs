using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>Jobs, executions, their ends and their requests come in an order that nobody would have chosen.</summary>
public sealed class UnexpectedOrderTests
{
    private readonly Cloud _cloud = new();

    private long Now => _cloud.Clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Both certificates stayed ACTIVE, or the operators were told that the one in use was not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_job_that_was_queued_before_another_and_run_after_it_is_the_later_rotation(bool grace)
    {
        _cloud.Grace = TimeSpan.FromHours(grace ? 24 : 0);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        _cloud.AddJob("queued-later");
        var first = await RotateAsync(_cloud.Old, key: 0, "queued-later");
        await _cloud.CloseAsync(JobExecution.Succeeded, "queued-later");
        await SweepAfterAsync(TimeSpan.FromHours(30));

        var second = await RotateAsync(first, key: 1, Cloud.Job);
        if (grace)
        {
            await _cloud.CloseAsync(JobExecution.Succeeded, eventId: "event-2");
        }
        else
        {
            DieAfter("ledger.TryUpdate");
            await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CloseAsync(JobExecution.Succeeded, eventId: "event-2"));
            _cloud.Faults.Reset();
        }

        await SweepAfterAsync(TimeSpan.FromHours(30));
        Assert.Equal([second], _cloud.Registry.Certificates.Values);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_failed_rotation_does_not_block_a_job_of_its_second_whatever_their_numbers()
    {
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.CloseAsync("TIMED_OUT");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
    }

    /// <summary>Deleted and created anew, as the message of the freeze asks for.</summary>
    [Fact]
    public async Task A_freeze_ends_with_a_job_of_the_same_name_that_was_created_after_it()
    {
        await _cloud.CreateAsync();
        await _cloud.CreateAsync(key: 1);
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        _cloud.AddJob(Cloud.Job);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 2));
    }

    /// <summary>The next job's request is faster than the end of the one before; then that one is retried, and the device fails before it asks.</summary>
    [Fact]
    public async Task A_retry_that_fails_before_it_asks_is_told_of_though_another_job_closed_the_rotation_before_it()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(30));
        _cloud.AddJob("rotate-2");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(30));
        var end = Now;
        _cloud.AddJob(Cloud.Job, number: 2);
        await RotateAsync(_cloud.Old, key: 1, "rotate-2");
        await HearAsync("TIMED_OUT", end, "event-1");
        await HearAsync("TIMED_OUT", end, "event-1");
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2");
        Assert.Single(_cloud.Notices);

        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await HearAsync("FAILED", Now, "event-3");
        await HearAsync("FAILED", Now, "event-3");
        Assert.Equal(2, _cloud.Notices.Count);
        Assert.Contains("before the device asked", _cloud.Notices[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_is_one_that_was_over_before_the_sweep_found_out_that_the_execution_before_it_was()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var firstEnd = Now;
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(30));
        _cloud.End(Cloud.Job, "FAILED");
        var secondEnd = Now;
        _cloud.Clock.Advance(TimeSpan.FromMinutes(5));
        await _cloud.SweepAsync();
        await HearAsync("FAILED", secondEnd, "event-2");
        await HearAsync("TIMED_OUT", firstEnd, "event-1");
        Assert.Equal(2, _cloud.Notices.Count);
        Assert.Contains("before the device asked", _cloud.Notices[1].Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public async Task So_are_both_when_the_retry_s_end_is_heard_of_first(int seconds)
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        var firstEnd = Now;
        _cloud.AddJob(Cloud.Job, number: 2);
        await HearAsync("FAILED", firstEnd + seconds, "event-2");
        await HearAsync("TIMED_OUT", firstEnd, "event-1");
        await HearAsync("FAILED", firstEnd + seconds, "event-2");
        await HearAsync("TIMED_OUT", firstEnd, "event-1");
        Assert.Equal(2, _cloud.Notices.Count);
    }

    [Fact]
    public async Task The_end_of_a_job_created_anew_that_is_heard_before_the_success_is_told_of_once()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        var success = Now + 1;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(10));
        _cloud.AddJob(Cloud.Job);
        await HearAsync("FAILED", Now + 5, "event-2");
        await HearAsync("SUCCEEDED", success, "event-1");
        await HearAsync("FAILED", Now + 5, "event-2");
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task Of_three_executions_that_are_refused_each_is_told_of_though_the_third_asks_before_the_second_s_end_is_heard()
    {
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", Now + 1, "event-1");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync(csr: "none");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        var secondEnd = Now;
        _cloud.AddJob(Cloud.Job, number: 3);
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", secondEnd, "event-2");
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", secondEnd + 5, "event-3");
        Assert.Equal(3, _cloud.Notices.Select(n => n.RotationId).Distinct().Count());
    }

    [Fact]
    public async Task A_copy_of_an_end_that_comes_when_the_retry_was_refused_is_not_the_retry_s()
    {
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", Now + 1, "event-1");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        var secondEnd = Now;
        _cloud.AddJob(Cloud.Job, number: 3);
        await HearAsync("FAILED", secondEnd, "event-2");
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", secondEnd, "event-2");
        Assert.Equal(2, _cloud.Notices.Count);
        await HearAsync("FAILED", secondEnd + 5, "event-3");
        Assert.Equal([RefusalCode.CsrRefused, "JOB_ENDED", RefusalCode.CsrRefused], _cloud.Notices.Select(n => n.Code));
    }

    [Fact]
    public async Task A_refusal_that_was_told_for_the_end_before_it_is_not_told_for_its_own_again_when_it_is_repeated()
    {
        await _cloud.CreateAsync();
        await HearAsync("TIMED_OUT", Now + 1, "event-1");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        var secondEnd = Now;
        _cloud.AddJob(Cloud.Job, number: 3);
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", secondEnd, "event-2");
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", secondEnd + 5, "event-3");
        Assert.Equal(3, _cloud.Notices.Count);
    }

    [Fact]
    public async Task Nor_is_a_copy_of_that_of_an_execution_that_never_asked()
    {
        await _cloud.CreateAsync();
        await HearAsync("TIMED_OUT", Now + 1, "event-1");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(6));
        var secondEnd = Now;
        _cloud.AddJob(Cloud.Job, number: 3);
        await HearAsync("FAILED", secondEnd, "event-2");
        await _cloud.CreateAsync(csr: "none");
        await HearAsync("FAILED", secondEnd, "event-2");
        await HearAsync("FAILED", secondEnd + 5, "event-3");
        Assert.Equal(["JOB_ENDED", "JOB_ENDED", RefusalCode.CsrRefused], _cloud.Notices.Select(n => n.Code));
    }

    /// <summary>A retry is queued at the end of the execution before it: its request and the event of that end meet.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_device_of_the_reference_s_kind_whose_retry_meets_the_end_before_it_is_served(bool rotated)
    {
        if (rotated)
        {
            await _cloud.CreateAsync(token: null);
        }

        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        var end = Now;
        _cloud.Faults.FailWith = name =>
        {
            if (name == (rotated ? "ledger.TryUpdate" : "ledger.Open"))
            {
                _cloud.Faults.FailWith = null;
                HearAsync("TIMED_OUT", end, "event-1").GetAwaiter().GetResult();
            }

            return null;
        };
        if (rotated)
        {
            // Lambda repeats it.
            await Assert.ThrowsAsync<DependencyException>(() => _cloud.CreateAsync(key: 1, token: null));
        }

        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, token: null));
        Assert.Single(_cloud.Notices);
    }

    /// <summary>The device's component is of a version that does not name the execution.</summary>
    [Fact]
    public async Task A_late_request_is_not_why_the_retry_after_it_was_called_off()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        Assert.Equal(RefusalCode.KeyReused, (await _cloud.CreateAsync(token: "late")).Code);
        await _cloud.CloseAsync("CANCELED", eventId: "event-2");
        Assert.Equal("JOB_ENDED", Assert.Single(_cloud.Notices).Code);
    }

    private async Task<StoredCertificate> RotateAsync(StoredCertificate from, int key, string jobId)
    {
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: key, principal: from.Certificate.Id, jobId: jobId));
        var made = _cloud.Registry.Certificates[_cloud.Ledger.Rotations.Last().New!.Id];
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(principal: made.Certificate.Id, jobId: jobId));
        return made;
    }

    private Task HearAsync(string status, long at, string eventId) =>
        _cloud.HearAsync(new JobEvent(Cloud.Thing, Cloud.Job, status, at, eventId, null, null, null));

    private async Task SweepAfterAsync(TimeSpan time)
    {
        _cloud.Clock.Advance(time);
        await _cloud.SweepAsync();
    }

    private void DieAfter(string call)
    {
        _cloud.Faults.Reset();
        _cloud.Faults.FailWith = name =>
        {
            (_cloud.Faults.KillAt, _cloud.Faults.AfterEffect) = (name == call ? _cloud.Faults.Calls.Count - 1 : null, true);
            return null;
        };
    }
}
