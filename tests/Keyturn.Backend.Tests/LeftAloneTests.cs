using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>What somebody else made, uses, or works on at the moment stays as it is.</summary>
public sealed class LeftAloneTests
{
    private readonly Cloud _cloud = new(signs: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_of_no_thing_or_another_thing_attests_nothing_whatever_the_ledger_knows(bool rotated)
    {
        if (rotated)
        {
            await _cloud.RotateAsync();
        }

        foreach (var thing in (string?[])["pump10", null])
        {
            Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.Registry.Add(thing).Certificate)).Outcome.Code);
        }

        Assert.Null((await _cloud.Ledger.ReadAsync(Cloud.Thing, Cancellation)).Heard);
    }

    [Fact]
    public async Task A_connection_without_a_certificate_costs_no_look_at_anything()
    {
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(new Certificate("someone", "arn"))).Outcome.Code);
        Assert.Equal(["data.Publish"], _cloud.Faults.Calls);
    }

    [Fact]
    public async Task A_new_certificate_that_lost_and_was_made_active_again_stays()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        await _cloud.AttestAsync(_cloud.Old.Certificate, nonce);
        _cloud.New.IsActive = true;
        _cloud.Notices.Clear();
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.True(_cloud.New.IsActive);
        Assert.Contains("ACTIVE again", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.False(_cloud.Rotation.IsOpen);
    }

    [Fact]
    public async Task A_loser_that_somebody_detached_is_said_to_be_so_and_not_looked_at_again()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Old.Things.Clear();
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Contains("somebody detached it", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.True(_cloud.Old.IsActive);
        Assert.False(_cloud.Rotation.IsOpen);
    }

    [Fact]
    public async Task Who_makes_a_loser_active_again_in_its_grace_period_ends_the_matter()
    {
        var cloud = new Cloud(grace: TimeSpan.FromHours(24));
        await cloud.RotateAsync();
        cloud.Old.IsActive = true;
        cloud.Clock.Advance(TimeSpan.FromHours(25));
        await cloud.SweepAsync();
        Assert.True(cloud.Old.IsActive);
        Assert.False(cloud.Rotation.IsOpen);
    }

    [Fact]
    public async Task The_sweep_leaves_a_closing_of_this_minute_to_itself_while_it_finishes_an_earlier_one()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        var first = _cloud.New;
        await _cloud.AttestAsync(first.Certificate);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(10));
        _cloud.AddJob("rotate-2");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, principal: first.Certificate.Id, jobId: "rotate-2"));
        var second = _cloud.Registry.Certificates[_cloud.Ledger.Rotations.Last().New!.Id];
        await _cloud.CommitAsync(principal: second.Certificate.Id, jobId: "rotate-2");
        DieAfter("ledger.TryUpdate");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2"));
        _cloud.Faults.Reset();
        await SweepAfterAsync(TimeSpan.FromMinutes(1));
        Assert.Equal([first, second], _cloud.Registry.ActiveOf(Cloud.Thing));
        Assert.DoesNotContain(_cloud.Old, _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task What_a_device_of_the_reference_s_kind_left_stays_while_it_has_committed_to_none()
    {
        await _cloud.CreateAsync(token: null);
        await _cloud.CloseAsync("TIMED_OUT");
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Contains(_cloud.Old, _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_recorded_certificate_is_no_leftover_of_another_rotation_s_search()
    {
        DieAfter("iot.CreateCertificate");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
        var made = _cloud.New;
        var other = new Rotation
        {
            Thing = "pump2", RotationId = "r", JobId = "gone", QueuedAt = 1, ExecutionNumber = 1, State = RotationState.Issuing, KeyHash = "k",
            Old = new Certificate("other", "arn:other"), SpeaksTokens = true, Trail = [new Transition(RotationState.Issuing, _cloud.Clock.GetUtcNow(), null)],
        };
        await _cloud.Ledger.OpenAsync(other.Suspecting(_cloud.Clock.GetUtcNow()), null, Cancellation);
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.Equal([_cloud.Old, made], _cloud.Registry.Certificates.Values);
        Assert.DoesNotContain(_cloud.Notices, n => n.Thing == Cloud.Thing);
    }

    [Fact]
    public async Task Whoever_takes_a_dead_one_s_place_has_the_lease_to_itself()
    {
        DieAfter("ledger.Open");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
        _cloud.Clock.Advance(TimeSpan.FromMinutes(2));
        Outcome? copy = null;
        Before("iot.CreateCertificate", async () => copy = await _cloud.CreateAsync());
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
        Assert.Equal(Outcome.Silent, copy);
        Assert.Equal(2, _cloud.Registry.Certificates.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_second_key_freezes_a_rotation_that_nobody_completed(bool abandoned)
    {
        DieAfter("ledger.Open");
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();
        if (abandoned)
        {
            await SweepAfterAsync(TimeSpan.FromMinutes(11));
            Assert.Equal(RotationState.Abandoned, _cloud.Rotation.State);
        }

        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 1)).Code);
        Assert.Equal(RotationState.Frozen, _cloud.Rotation.State);
    }

    [Fact]
    public async Task Copies_of_an_event_at_the_same_moment_tell_it_once()
    {
        await _cloud.CreateAsync();
        Before("sns.Publish", () => Assert.ThrowsAsync<DependencyException>(() => _cloud.CloseAsync("FAILED")));
        await _cloud.CloseAsync("FAILED");
        Assert.Single(_cloud.Notices);
        await _cloud.CloseAsync("FAILED");
        Assert.Single(_cloud.Notices);
    }

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
