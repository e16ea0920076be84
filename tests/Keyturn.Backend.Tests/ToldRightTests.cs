using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>The operators hear of the right matter, and the sweep looks at nothing that is not due.</summary>
public sealed class ToldRightTests
{
    private readonly Cloud _cloud = new(signs: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Another run of the job would end the same.</summary>
    [Fact]
    public async Task Of_a_refused_key_the_operator_is_told_what_to_change_before_the_next_job()
    {
        await _cloud.CreateAsync(csr: WeakCsrs.DebianEcdsa);
        await _cloud.CloseAsync("FAILED");
        var notice = Assert.Single(_cloud.Notices);
        Assert.Contains("CVE-2008-0166", notice.Reason, StringComparison.Ordinal);
        Assert.Contains("keyAlgorithm", notice.ToDo, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rotation_that_died_before_its_certificate_is_told_of_by_whoever_comes_next(bool byAttest)
    {
        await DieBeforeIssuingAsync();
        _cloud.End(Cloud.Job, "FAILED");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        if (byAttest)
        {
            await _cloud.AttestAsync(_cloud.Old.Certificate);
            Assert.Equal(RotationState.Abandoned, _cloud.Rotation.State);
        }
        else
        {
            _cloud.AddJob("rotate-2");
            Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        }

        Assert.Equal(Cloud.Job, Assert.Single(_cloud.Notices).JobId);
    }

    /// <summary>Whoever claimed it may have died of it, and after the next rotation nobody would come by any more.</summary>
    [Fact]
    public async Task A_message_that_another_has_claimed_and_not_sent_is_waited_for_by_the_rotation_that_would_close_its_matter()
    {
        await ClaimTheNoticeOfAFailedRotationAsync();
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.CreateAsync(key: 1, jobId: "rotate-2")).Code);
        Assert.Empty(_cloud.Notices);
        Assert.False(_cloud.Rotation.IsClosed);

        _cloud.Clock.Advance(TimeSpan.FromSeconds(51));
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        Assert.Equal(Cloud.Job, Assert.Single(_cloud.Notices).JobId);
    }

    [Fact]
    public async Task A_message_that_another_sends_meanwhile_keeps_no_device_waiting()
    {
        await ClaimTheNoticeOfAFailedRotationAsync();
        var claims = 0;
        _cloud.Faults.FailWith = call =>
        {
            if (call == "ledger.TryClaimNotice" && ++claims == 3)
            {
                _cloud.Ledger.SendElsewhere(Cloud.Thing, NoticeIds.Of(_cloud.Rotation));
            }

            return null;
        };
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        Assert.Equal(3, claims);
        Assert.Empty(_cloud.Notices);
    }

    private async Task ClaimTheNoticeOfAFailedRotationAsync()
    {
        await DieBeforeIssuingAsync();
        _cloud.End(Cloud.Job, "FAILED");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        var now = _cloud.Clock.GetUtcNow();
        Assert.Equal(NoticeClaim.Granted, await _cloud.Ledger.TryClaimNoticeAsync(Cloud.Thing, NoticeIds.Of(_cloud.Rotation), now, now.AddSeconds(50), Cancellation));
    }

    [Fact]
    public async Task An_abandoned_rotation_is_begun_anew()
    {
        await DieBeforeIssuingAsync();
        await SweepAfterAsync(TimeSpan.FromMinutes(11));
        await _cloud.CreateAsync();
        Assert.Equal(
            [RotationState.Issuing, RotationState.Abandoned, RotationState.Issuing, RotationState.Issued], _cloud.Rotation.Trail.Select(t => t.State));
    }

    [Fact]
    public async Task Of_two_refused_executions_of_a_job_the_one_that_ended_is_explained()
    {
        var second = _cloud.Registry.Add(Cloud.Thing);
        Assert.Equal(RefusalCode.UnknownCertificate, (await _cloud.CreateAsync()).Code);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        second.IsActive = false;
        Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync(csr: "none")).Code);
        _cloud.Clock.Advance(TimeSpan.FromSeconds(2));
        await _cloud.CloseAsync("FAILED");
        Assert.Equal(RefusalCode.CsrRefused, Assert.Single(_cloud.Notices).Code);
    }

    [Fact]
    public async Task Another_job_s_refusal_explains_nothing()
    {
        _cloud.Registry.Add(Cloud.Thing);
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        await _cloud.CloseAsync("FAILED", "rotate-2");
        Assert.Equal("JOB_ENDED", Assert.Single(_cloud.Notices).Code);
    }

    [Fact]
    public async Task A_device_that_was_refused_was_heard()
    {
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        _cloud.Clock.Advance(TimeSpan.FromHours(70));
        var asked = _cloud.Clock.GetUtcNow();
        _cloud.AddJob(Cloud.Job);
        Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync(csr: "none")).Code);
        await SweepAfterAsync(TimeSpan.FromHours(10));
        Assert.Empty(_cloud.Notices);
        // Noted, so that it is not due again before it can be silent.
        Assert.Equal(asked, (await HeardAsync())!.At);
    }

    [Fact]
    public async Task A_silence_that_was_told_keeps_what_the_device_said_and_costs_no_write_again()
    {
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        await SweepAfterAsync(TimeSpan.FromHours(80));
        var heard = await HeardAsync();
        Assert.Equal(("2.0.0", "file", true), (heard!.Component, heard.KeyStore, heard.IsSilent));
        _cloud.Faults.Reset();
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.DoesNotContain(_cloud.Faults.Calls, c => c is "ledger.RecordHeard" or "ledger.TryClaimNotice");
    }

    [Fact]
    public async Task What_is_not_due_is_not_read()
    {
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        await _cloud.CreateAsync();
        _cloud.Faults.Reset();
        await _cloud.SweepAsync();
        Assert.Equal(["ledger.ReadSweepCursor", "ledger.ListDue", "ledger.ListDue"], _cloud.Faults.Calls);
    }

    [Fact]
    public async Task What_the_sweep_abandons_is_searched_for_at_once_and_ended_by_the_next()
    {
        DieAfter("iot.CreateCertificate");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
        _cloud.End(Cloud.Job, "FAILED");
        await SweepAfterAsync(TimeSpan.FromMinutes(11));
        Assert.Equal([_cloud.Old], _cloud.Registry.Certificates.Values);
        Assert.Empty(_cloud.Notices);
        await SweepAfterAsync(TimeSpan.FromMinutes(11));
        Assert.Single(_cloud.Notices);
        Assert.False(_cloud.Rotation.IsOpen);
    }

    [Fact]
    public async Task A_search_that_runs_out_of_time_on_its_only_page_is_not_taken_for_done()
    {
        DieAfter("iot.CreateCertificate");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.Registry.Register("9".PadLeft(64, '0'), "someone's", null);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.Faults.FailWith = name =>
        {
            if (name == "iot.DescribeCertificate")
            {
                _cloud.Clock.Advance(TimeSpan.FromSeconds(10));
            }

            return null;
        };
        await _cloud.SweepAsync(seconds: 8);
        Assert.NotNull(_cloud.Rotation.Unrecorded);
        _cloud.Faults.Reset();
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal(2, _cloud.Registry.Certificates.Count);
        Assert.Null(_cloud.Rotation.Unrecorded);
    }

    [Fact]
    public async Task A_loser_made_active_between_detaching_and_deleting_is_told_of_and_left()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Faults.FailWith = name =>
        {
            _cloud.Old.IsActive |= name == "iot.DeleteCertificate";
            return null;
        };
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Contains("ACTIVE again", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.True(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task A_failure_whose_event_comes_after_the_device_s_word_is_told_of_once()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(11));
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
        await _cloud.CloseAsync("FAILED");
        await _cloud.CloseAsync("FAILED");
        Assert.Equal(_cloud.New.Certificate.Id, Assert.Single(_cloud.Notices).InUse);
    }

    [Fact]
    public async Task A_later_execution_that_was_refused_is_explained_though_nobody_heard_of_the_end_of_the_one_before()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        _cloud.Registry.Add(Cloud.Thing);
        Assert.Equal(RefusalCode.UnknownCertificate, (await _cloud.CreateAsync(key: 1)).Code);
        _cloud.Clock.Advance(TimeSpan.FromSeconds(2));
        await _cloud.CloseAsync("FAILED");
        Assert.Equal(["JOB_ENDED", RefusalCode.UnknownCertificate], _cloud.Notices.Select(n => n.Code));
    }

    private async Task<HeardDevice?> HeardAsync() => (await _cloud.Ledger.ReadAsync(Cloud.Thing, Cancellation)).Heard;

    private async Task DieBeforeIssuingAsync()
    {
        DieAfter("ledger.Open");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
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

    private async Task SweepAfterAsync(TimeSpan time)
    {
        _cloud.Clock.Advance(time);
        await _cloud.SweepAsync();
    }
}
