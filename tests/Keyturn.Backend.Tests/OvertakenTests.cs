using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>Somebody else is faster, between what a use case read and what it writes: nothing is lost, and nothing done twice.</summary>
public sealed class OvertakenTests
{
    private readonly Cloud _cloud = new();

    [Fact]
    public async Task A_closing_overtaken_by_a_copy_of_its_event_ends_the_same()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        OvertakeOnce(() => _cloud.CloseAsync(JobExecution.Succeeded));
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task What_a_copy_of_the_event_has_detached_before_it_died_was_not_taken_away_by_somebody()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        OvertakeOnce(
            async () =>
            {
                _cloud.Faults.FailWith = name => name == "iot.DeleteCertificate" ? new ProcessKilledException(name) : null;
                await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CloseAsync(JobExecution.Succeeded));
                _cloud.Faults.FailWith = null;
            },
            "iot.ListThingPrincipals");
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_closing_overtaken_by_the_whole_of_the_next_rotation_raises_no_alarm()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        OvertakeOnce(RotateAgainAsync, "iot.ListThingPrincipals");
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Single(_cloud.Registry.Certificates);
        Assert.Empty(_cloud.Notices);
        Assert.All(_cloud.Ledger.Rotations, r => Assert.True(r is { State: RotationState.ClosedNew, LoserSettled: true }));
    }

    [Fact]
    public async Task A_sweep_overtaken_by_the_whole_of_the_next_rotation_raises_no_alarm()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        // Closed, and its loser left.
        _cloud.Faults.FailWith = name => name == "iot.UpdateCertificate" ? new DependencyException("iot", "UpdateCertificate", "InternalFailureException", "no") : null;
        await Assert.ThrowsAsync<DependencyException>(() => _cloud.CloseAsync(JobExecution.Succeeded));
        _cloud.Clock.Advance(TimeSpan.FromMinutes(20));
        OvertakeOnce(RotateAgainAsync, "iot.ListThingPrincipals");
        await _cloud.SweepAsync();
        Assert.Single(_cloud.Registry.Certificates);
        Assert.Empty(_cloud.Notices);
    }

    private async Task RotateAgainAsync()
    {
        var inUse = _cloud.Ledger.Rotations.Single().New!.Id;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(1));
        _cloud.End(Cloud.Job, JobExecution.Succeeded);
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, principal: inUse, jobId: "rotate-2");
        await _cloud.CommitAsync(principal: _cloud.Ledger.Rotations.MaxBy(r => r.Order)!.New!.Id, jobId: "rotate-2");
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2");
    }

    [Fact]
    public async Task A_timeout_overtaken_by_the_commit_leaves_the_commit_and_is_told_as_what_it_was()
    {
        await _cloud.CreateAsync();
        OvertakeOnce(() => _cloud.CommitAsync());
        await _cloud.CloseAsync("TIMED_OUT");
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.Equal("commit", Assert.Single(_cloud.Notices).Step);
    }

    [Fact]
    public async Task A_request_overtaken_by_another_of_the_same_rotation_gets_the_same_certificate()
    {
        OvertakeOnce(() => _cloud.CreateAsync(), "ledger.Open");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
        Assert.Single(_cloud.Published.Select(p => p.Payload.GetProperty("certificateId").GetString()).Distinct());
        Assert.Equal(2, _cloud.Registry.Certificates.Count);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Fact]
    public async Task An_issuing_whose_job_ends_at_its_last_write_says_nothing_and_the_device_decides_later()
    {
        var writes = 0;
        _cloud.Faults.FailWith = name =>
        {
            // The second write is the one that completes the certificate.
            if (name == "ledger.TryUpdate" && ++writes == 2)
            {
                _cloud.Faults.FailWith = null;
                _cloud.CloseAsync("CANCELED").GetAwaiter().GetResult();
            }

            return null;
        };
        Assert.Equal(Outcome.Silent, await _cloud.CreateAsync());
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task A_second_key_overtaken_freezes_when_it_comes_again()
    {
        await _cloud.CreateAsync();
        OvertakeOnce(() => _cloud.CommitAsync());
        Assert.Equal(Outcome.Silent, await _cloud.CreateAsync(key: 1));
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(key: 1)).Code);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_frozen_rotation_answers_every_key_alike_and_alarms_once()
    {
        await _cloud.CreateAsync();
        foreach (var key in (int[])[1, 2, 0])
        {
            Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: key)).Code);
        }

        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CommitAsync()).Code);
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CommitAsync(verify: true, rotationId: _cloud.Rotation.RotationId)).Code);
        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task An_attest_overtaken_is_asked_for_again()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        OvertakeOnce(() => _cloud.CommitAsync());
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.AttestAsync(_cloud.New.Certificate)).Outcome.Code);
        Assert.Equal(Outcome.Accepted, (await _cloud.AttestAsync(_cloud.New.Certificate)).Outcome);
    }

    [Fact]
    public async Task What_an_earlier_rotation_left_is_settled_by_whoever_comes_again_when_overtaken()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        _cloud.AddJob("rotate-2");
        var first = _cloud.New;
        OvertakeOnce(() => _cloud.CommitAsync(principal: first.Certificate.Id));
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.CreateAsync(key: 1, jobId: "rotate-2")).Code);
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(key: 1, jobId: "rotate-2")).Code);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: first.Certificate.Id));
    }

    [Fact]
    public async Task A_request_of_an_earlier_execution_than_one_known_waits()
    {
        await _cloud.CreateAsync();
        _cloud.Executions[(Cloud.Thing, "older")] = _cloud.Executions[(Cloud.Thing, Cloud.Job)] with { JobId = "older", QueuedAt = 1 };
        Assert.Equal(RefusalCode.RotationOpen, (await _cloud.CreateAsync(key: 1, jobId: "older")).Code);
    }

    [Fact]
    public async Task A_copy_over_another_certificate_of_the_thing_is_refused()
    {
        await _cloud.CreateAsync();
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(principal: _cloud.New.Certificate.Id)).Code);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Theory]
    [InlineData("token-2")]
    [InlineData(null)]
    public async Task A_ledger_that_does_not_answer_puts_a_commit_off(string? token)
    {
        await _cloud.CreateAsync();
        _cloud.Faults.FailWith = name => name == "ledger.Read" ? new DependencyException("dynamodb", "Query", "ThrottlingException", "slow down") : null;
        if (token is null)
        {
            // The reference's device takes any refusal for the end: for it, the invocation fails and comes again.
            await Assert.ThrowsAsync<DependencyException>(() => _cloud.CommitAsync(token: null));
        }
        else
        {
            Assert.Equal(RefusalCode.TryAgain, (await _cloud.CommitAsync()).Code);
        }

        _cloud.Faults.FailWith = null;
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(token: token));
    }

    [Fact]
    public async Task When_even_the_lease_can_t_be_given_back_it_runs_out()
    {
        var issued = false;
        _cloud.Faults.FailWith = name =>
        {
            issued |= name == "iot.ListAttachedPolicies";
            return issued && name is "iot.ListAttachedPolicies" or "ledger.TryUpdate" && issued ? new DependencyException("s", "o", "c", "m") : null;
        };
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.CreateAsync()).Code);
        _cloud.Faults.FailWith = null;
        Assert.Equal(Outcome.Silent, await _cloud.CreateAsync());
        _cloud.Clock.Advance(TimeSpan.FromSeconds(51));
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
    }

    [Fact]
    public async Task A_loser_that_stays_attached_elsewhere_or_was_made_active_again_is_told_of_once()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Old.Things["pump2"] = true;
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Contains("still attached", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);

        _cloud.Notices.Clear();
        _cloud.Old.Things.Clear();
        _cloud.Old.IsActive = true;
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.False(_cloud.Rotation.IsOpen);
        Assert.True(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task A_rule_for_one_kind_of_key_is_the_stack_s()
    {
        var cloud = new Cloud(allowed: [KeyAlgorithm.Rsa3072]);
        Assert.Equal(RefusalCode.CsrRefused, (await cloud.CreateAsync()).Code);
        await cloud.CloseAsync("FAILED");
        Assert.Contains("ECDSA-P256 is not allowed here", Assert.Single(cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_end_without_a_rotation_overtaken_by_the_opening_of_one_is_that_one_s_end_and_told_of_once()
    {
        OvertakeOnce(
            async () =>
            {
                // It had looked at the job before that ended.
                _cloud.AddJob(Cloud.Job);
                await _cloud.CreateAsync();
                _cloud.End(Cloud.Job, "FAILED");
            },
            "ledger.TryCloseUnopened");
        await _cloud.CloseAsync("FAILED");
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Equal(_cloud.Rotation.RotationId, Assert.Single(_cloud.Notices).RotationId);
    }

    [Fact]
    public async Task A_question_to_the_old_certificate_overtaken_by_the_commit_is_put_off()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        OvertakeOnce(() => _cloud.CommitAsync());
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.AttestAsync(_cloud.Old.Certificate)).Outcome.Code);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_certificate_in_use_that_is_deleted_meanwhile_vouches_for_no_subject()
    {
        OvertakeOnce(
            () =>
            {
                _cloud.Registry.Certificates.Remove(_cloud.Old.Certificate.Id);
                return Task.CompletedTask;
            },
            "iot.DescribeCertificate");
        Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync(csr: Cloud.MakeCsr("CN=serial 4711"))).Code);
        Assert.Empty(_cloud.Ledger.Rotations);
    }

    [Fact]
    public async Task A_second_certificate_that_is_deleted_meanwhile_is_in_nobody_s_way()
    {
        var second = _cloud.Registry.Add(Cloud.Thing);
        OvertakeOnce(
            () =>
            {
                _cloud.Registry.Certificates.Remove(second.Certificate.Id);
                return Task.CompletedTask;
            },
            "iot.DescribeCertificate");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
    }

    /// <summary>Lets another invocation run through just before the next such call takes effect.</summary>
    private void OvertakeOnce(Func<Task> other, string call = "ledger.TryUpdate") => _cloud.Faults.FailWith = name =>
    {
        if (name == call)
        {
            _cloud.Faults.FailWith = null;
            other().GetAwaiter().GetResult();
        }

        return null;
    };
}
