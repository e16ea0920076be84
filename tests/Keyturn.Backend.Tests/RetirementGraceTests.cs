using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>A retired certificate is kept INACTIVE for a while, and can be taken back.</summary>
public sealed class RetirementGraceTests
{
    private readonly Cloud _cloud = new(grace: TimeSpan.FromHours(24));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Inactive_at_once_and_gone_after_the_grace_period(bool byAttest)
    {
        await CloseAsync(byAttest);
        Assert.False(_cloud.Old.IsActive);
        Assert.Contains(Cloud.Thing, _cloud.Old.Things);
        Assert.Equal([_cloud.New], _cloud.Registry.ActiveOf(Cloud.Thing));

        await SweepAfterAsync(TimeSpan.FromHours(23));
        Assert.Contains(_cloud.Old, _cloud.Registry.Certificates.Values);
        await SweepAfterAsync(TimeSpan.FromHours(2));
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
        Assert.False(_cloud.Rotation.IsOpen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_makes_it_active_again_keeps_it_whatever_message_comes_and_the_operators_hear_once(bool byAttest)
    {
        await CloseAsync(byAttest);
        _cloud.Notices.Clear();
        _cloud.Old.IsActive = true;
        await _cloud.CloseAsync(byAttest ? "TIMED_OUT" : JobExecution.Succeeded);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(20));
        await _cloud.AttestAsync(_cloud.New.Certificate);
        await SweepAfterAsync(TimeSpan.FromHours(1));
        Assert.True(_cloud.Old.IsActive);
        await SweepAfterAsync(TimeSpan.FromHours(30));
        await SweepAfterAsync(TimeSpan.FromHours(30));
        Assert.True(_cloud.Old.IsActive);
        Assert.Contains("ACTIVE again in its grace period", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.Equal(Outcome.Accepted, (await _cloud.AttestAsync(_cloud.Old.Certificate)).Outcome);
    }

    [Fact]
    public async Task The_next_rotation_does_not_cut_it_short()
    {
        await CloseAsync(byAttest: false);
        var first = _cloud.New;
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, principal: first.Certificate.Id, jobId: "rotate-2"));
        var second = _cloud.Registry.Certificates[_cloud.Ledger.Rotations.Last().New!.Id];
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(principal: second.Certificate.Id, jobId: "rotate-2"));
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2");
        Assert.Equal([second], _cloud.Registry.ActiveOf(Cloud.Thing));
        Assert.Equal(3, _cloud.Registry.Certificates.Count);
        await SweepAfterAsync(TimeSpan.FromHours(23.5));
        Assert.Equal([first, second], _cloud.Registry.Certificates.Values);
        await SweepAfterAsync(TimeSpan.FromHours(2));
        Assert.Equal([second], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_loser_that_was_deleted_by_hand_is_settled()
    {
        await CloseAsync(byAttest: false);
        _cloud.Registry.Certificates.Remove(_cloud.Old.Certificate.Id);
        await SweepAfterAsync(TimeSpan.FromHours(25));
        Assert.False(_cloud.Rotation.IsOpen);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_start_of_the_grace_period_that_was_overtaken_is_recorded_by_whoever_comes_next()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        var deactivated = false;
        _cloud.Faults.FailWith = name =>
        {
            if (name == "ledger.TryUpdate" && deactivated)
            {
                _cloud.Faults.FailWith = null;
                _cloud.Ledger.TryUpdateAsync(_cloud.Rotation, TestContext.Current.CancellationToken).GetAwaiter().GetResult();
            }

            deactivated |= name == "iot.UpdateCertificate";
            return null;
        };
        await Assert.ThrowsAsync<DependencyException>(() => _cloud.CloseAsync(JobExecution.Succeeded));
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.NotNull(_cloud.Rotation.LoserKeptUntil);
        Assert.False(_cloud.Old.IsActive);
    }

    /// <summary>The setting is for what is retired from now on.</summary>
    [Fact]
    public async Task One_that_has_begun_is_kept_when_the_setting_is_taken_away()
    {
        await CloseAsync(byAttest: true);
        _cloud.Grace = TimeSpan.Zero;
        _cloud.Clock.Advance(TimeSpan.FromMinutes(11));
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Contains(Cloud.Thing, _cloud.Old.Things);
        await SweepAfterAsync(TimeSpan.FromHours(23));
        Assert.Contains(Cloud.Thing, _cloud.Old.Things);
        await SweepAfterAsync(TimeSpan.FromHours(2));
        Assert.Equal([_cloud.New], _cloud.Registry.Certificates.Values);
    }

    /// <summary>An image of the device, from before the rotation, was put back: what retires its certificate is the rotation after.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_was_taken_back_and_rotated_has_a_whole_one_again(bool overtaken)
    {
        await CloseAsync(byAttest: false);
        _cloud.Clock.Advance(TimeSpan.FromHours(20));
        (_cloud.Old.IsActive, _cloud.New.IsActive) = (true, false);
        _cloud.AddJob("rotate-2");
        if (overtaken)
        {
            _cloud.Faults.FailWith = name =>
            {
                if (name == "ledger.TryUpdate")
                {
                    _cloud.Faults.FailWith = null;
                    _cloud.Ledger.TryUpdateAsync(_cloud.Rotation, TestContext.Current.CancellationToken).GetAwaiter().GetResult();
                }

                return null;
            };
            Assert.Equal(RefusalCode.TryAgain, (await _cloud.CreateAsync(key: 1, jobId: "rotate-2")).Code);
        }

        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        await _cloud.CommitAsync(principal: _cloud.Ledger.Rotations.Last().New!.Id, jobId: "rotate-2");
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2");
        await SweepAfterAsync(TimeSpan.FromHours(23));
        Assert.Contains(Cloud.Thing, _cloud.Old.Things);
        await SweepAfterAsync(TimeSpan.FromHours(2));
        Assert.DoesNotContain(_cloud.Old, _cloud.Registry.Certificates.Values);
        Assert.Empty(_cloud.Notices);
    }

    [Fact]
    public async Task A_certificate_that_nobody_recorded_is_not_kept_with_it()
    {
        var cloud = new Cloud(grace: TimeSpan.FromDays(90), signs: true);
        await cloud.DieAfterIssuingAsync();
        await cloud.RotateAsync();
        cloud.Clock.Advance(TimeSpan.FromHours(1));
        await cloud.SweepAsync();
        Assert.Equal([cloud.Old, cloud.New], cloud.Registry.Certificates.Values);
        Assert.NotNull(cloud.Rotation.LoserKeptUntil);
    }

    private async Task CloseAsync(bool byAttest)
    {
        await _cloud.CreateAsync();
        if (byAttest)
        {
            await _cloud.CloseAsync("TIMED_OUT");
            _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
            await _cloud.AttestAsync(_cloud.New.Certificate);
        }
        else
        {
            await _cloud.CommitAsync();
            await _cloud.CloseAsync(JobExecution.Succeeded);
        }
    }

    private async Task SweepAfterAsync(TimeSpan time)
    {
        _cloud.Clock.Advance(time);
        await _cloud.SweepAsync();
    }
}
