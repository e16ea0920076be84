using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>Between any two steps an operator gives the thing another certificate, or makes one of the two INACTIVE.</summary>
public sealed class ReplacedByHandTests
{
    private readonly Cloud _cloud = new();

    /// <summary>The gateway broke after its commit and was replaced under the same name.</summary>
    [Fact]
    public async Task A_device_that_was_given_a_third_certificate_after_a_commit_rotates()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        var third = await ReplaceAsync();
        _cloud.New.IsActive = false;
        _cloud.Old.IsActive = false;
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: third.Certificate.Id));
        var latest = _cloud.Ledger.Rotations.Last();
        await _cloud.CommitAsync(principal: latest.New!.Id, jobId: "rotate-2");
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2");
        Assert.Equal(latest.New.Id, Assert.Single(_cloud.Registry.ActiveOf(Cloud.Thing)).Certificate.Id);
        Assert.Equal(RotationState.ClosedNew, _cloud.Ledger.Rotations.First().State);
        Assert.Equal(["JOB_ENDED"], _cloud.Notices.Select(n => n.Code));
    }

    /// <summary>Neither the third nor one of a rotation's two may be left ACTIVE beside the other without a word.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Before_that_the_operator_is_told_of_the_one_of_the_rotation_that_is_still_active(bool committed, bool tokens)
    {
        await _cloud.CreateAsync();
        var left = committed ? _cloud.New : _cloud.Old;
        if (committed)
        {
            await _cloud.CommitAsync();
        }

        await _cloud.CloseAsync("TIMED_OUT");
        var third = await ReplaceAsync();
        var token = tokens ? "token-1" : null;
        var outcome = await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: third.Certificate.Id, token: token);
        Assert.Equal(RefusalCode.UnknownCertificate, outcome.Code);
        await _cloud.CloseAsync("FAILED", "rotate-2", "event-2");
        Assert.Contains(left.Certificate.Id, _cloud.Notices[^1].Reason, StringComparison.Ordinal);
        Assert.True(left.IsActive);
        Assert.True(third.IsActive);

        left.IsActive = false;
        _cloud.AddJob("rotate-3");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 2, jobId: "rotate-3", principal: third.Certificate.Id, token: token));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_did_as_the_message_says_is_not_alarmed_before_the_next_job(bool detached)
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        var third = await ReplaceAsync();
        await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: third.Certificate.Id);
        await _cloud.CloseAsync("FAILED", "rotate-2", "event-2");
        _cloud.Old.IsActive = false;
        if (detached)
        {
            _cloud.Old.Things.Clear();
        }

        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.DoesNotContain(_cloud.Notices, n => n.Kind == NoticeKind.Alarm);
        Assert.Equal([_cloud.Old, third], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_connection_that_outlives_its_certificate_retires_no_other_by_an_attest()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.New.IsActive = false;
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.New.Certificate)).Outcome.Code);
        Assert.True(_cloud.Old.IsActive);
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Equal(["JOB_ENDED", "NOT_RETIRED"], _cloud.Notices.Select(n => n.Code));

        _cloud.New.IsActive = true;
        Assert.Equal(Outcome.Accepted, (await _cloud.AttestAsync(_cloud.New.Certificate)).Outcome);
        Assert.False(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task Nor_by_a_create_of_a_later_job()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Old.IsActive = false;
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.AddJob("rotate-2");
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(key: 1, jobId: "rotate-2")).Code);
        Assert.True(_cloud.New.IsActive);
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
    }

    /// <summary>Its key was used in the rotation before last, so the ledger knows it as one that won.</summary>
    [Fact]
    public async Task A_retired_certificate_s_last_words_are_not_those_of_the_device()
    {
        await _cloud.RotateAsync();
        var retired = _cloud.New.Certificate;
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: retired.Id);
        await _cloud.CommitAsync(principal: _cloud.Ledger.Rotations.Last().New!.Id, jobId: "rotate-2");
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2");
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(retired)).Outcome.Code);
        Assert.Null((await _cloud.Ledger.ReadAsync(Cloud.Thing, TestContext.Current.CancellationToken)).Heard);
    }

    private Task<StoredCertificate> ReplaceAsync()
    {
        _cloud.Clock.Advance(TimeSpan.FromDays(1));
        _cloud.AddJob("rotate-2");
        return Task.FromResult(_cloud.Registry.Add(Cloud.Thing));
    }
}
