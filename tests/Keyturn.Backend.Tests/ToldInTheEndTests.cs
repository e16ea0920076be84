using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>Whoever should tell the operators dies of it, or SNS refuses: somebody else does it then.</summary>
public sealed class ToldInTheEndTests
{
    private readonly Cloud _cloud = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task That_a_certificate_was_left_as_it_is_when_telling_it_failed_at_first(bool killed)
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        _cloud.Old.Things.Clear();
        _cloud.Old.IsActive = killed;
        await FailToTellAsync(() => _cloud.CloseAsync(JobExecution.Succeeded), killed);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Contains("somebody detached it", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.Contains(_cloud.Old, _cloud.Registry.Certificates.Values);
        Assert.False(_cloud.Rotation.IsOpen);
    }

    [Fact]
    public async Task That_one_was_made_active_again_in_its_grace_period_when_a_sweep_failed_to_tell_it()
    {
        _cloud.Grace = TimeSpan.FromHours(24);
        await _cloud.RotateAsync();
        _cloud.Old.IsActive = true;
        _cloud.Clock.Advance(TimeSpan.FromHours(25));
        await FailToTellAsync(() => _cloud.SweepAsync(), killed: true);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.Contains("in its grace period", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    /// <summary>The device's next request finds the message claimed, and the job fails within seconds.</summary>
    [Fact]
    public async Task That_two_keys_asked_when_telling_it_failed_at_first()
    {
        await _cloud.CreateAsync();
        await FailToTellAsync(() => _cloud.CreateAsync(key: 1), killed: false);
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 1)).Code);
        await AsLambdaAsync(() => _cloud.CloseAsync("FAILED"));
        Assert.Contains("two different keys", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_two_keys_asked_when_nobody_asks_again_and_nobody_hears_of_the_end()
    {
        await _cloud.CreateAsync();
        await FailToTellAsync(() => _cloud.CreateAsync(key: 1), killed: true);
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.Empty(_cloud.Notices);
        _cloud.End(Cloud.Job, "TIMED_OUT");
        await _cloud.SweepAsync();
        await _cloud.SweepAsync();
        Assert.Contains("two different keys", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);
        Assert.Equal(RotationState.Frozen, _cloud.Rotation.State);
    }

    /// <summary>The job's end is heard while the message is claimed by a request that failed to send it.</summary>
    [Fact]
    public async Task That_a_rotation_failed_when_the_next_one_failed_to_tell_it()
    {
        await _cloud.CreateAsync();
        _cloud.End(Cloud.Job, "TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
        _cloud.AddJob("rotate-2");
        await FailToTellAsync(() => _cloud.CreateAsync(key: 1, jobId: "rotate-2"), killed: false);
        await AsLambdaAsync(() => _cloud.CloseAsync("TIMED_OUT"));
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2"));
        Assert.Equal(Cloud.Job, Assert.Single(_cloud.Notices).JobId);
    }

    /// <summary>Of two attempts, the second a minute later.</summary>
    private async Task AsLambdaAsync(Func<Task> invocation)
    {
        try
        {
            await invocation();
        }
        catch (DependencyException)
        {
            _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
            await invocation();
        }
    }

    private async Task FailToTellAsync(Func<Task> act, bool killed)
    {
        _cloud.Faults.FailWith = name => name != "sns.Publish" ? null
            : killed ? new ProcessKilledException(name)
            : new DependencyException("sns", "Publish", "Throttled", "slow down");
        try
        {
            await act();
        }
        catch (Exception exception) when (exception is DependencyException or ProcessKilledException)
        {
        }

        _cloud.Faults.FailWith = null;
        Assert.Empty(_cloud.Notices);
    }
}
