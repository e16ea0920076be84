using Keyturn.Device.Greengrass;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Greengrass;

public sealed class DeploymentWatchTests
{
    private static readonly CurrentRotation Rotation = new("job-1", 1, 100, 1, "gen-1", "gen-2");

    private readonly FakeTimeProvider _time = new();
    private RotationState _state = new RotationState.Idle();

    public static TheoryData<string> States => [.. All.Keys];

    private static Dictionary<string, (RotationState State, bool HoldsUp)> All => new()
    {
        ["idle"] = (new RotationState.Idle(), false),
        ["keyed"] = (new RotationState.Keyed(Rotation), false),
        ["issued"] = (new RotationState.Issued(Rotation), false),
        ["proven"] = (new RotationState.Proven(Rotation), false),
        ["switching"] = (new RotationState.Switching(Rotation, 1), true),
        ["trial"] = (new RotationState.Trial(Rotation, "s", 1), true),
        ["stranded"] = (new RotationState.Stranded(Rotation, new Alternation(1)), true),
        ["stranded, and the nucleus has the old one"] = (new RotationState.Stranded(Rotation, new Alternation(1), "s", Reconnected: true), false),
        ["committing"] = (new RotationState.Committing(Rotation, 1), false),
        ["committed"] = (new RotationState.Committed(Rotation), false),
        ["discarding"] = (new RotationState.Aborting(Rotation, "r", AbortStage.Discard), false),
        ["restoring"] = (new RotationState.Aborting(Rotation, "r", AbortStage.Restore), true),
        ["returning"] = (new RotationState.Aborting(Rotation, "r", AbortStage.Return), true),
        ["reporting"] = (new RotationState.Aborting(Rotation, "r", AbortStage.Report), false),
    };

    [Theory]
    [MemberData(nameof(States))]
    public void A_deployment_waits_while_the_credential_is_being_switched_and_no_longer(string state)
    {
        _state = All[state].State;
        Assert.Equal(All[state].HoldsUp, Watch().Decide("d") > TimeSpan.Zero);
    }

    [Fact]
    public void A_switch_holds_a_deployment_up_for_so_long_and_not_for_ever()
    {
        _state = new RotationState.Trial(Rotation, "s", 1);
        var watch = Watch();
        var waited = TimeSpan.Zero;
        while (watch.Decide("d") is var pause && pause > TimeSpan.Zero)
        {
            waited += pause;
            _time.Advance(pause);
        }
        Assert.Equal(TimeSpan.FromMinutes(10), waited);
    }

    [Fact]
    public async Task No_restart_begins_while_a_deployment_is_under_way()
    {
        var watch = Watch();
        Assert.Equal(TimeSpan.Zero, watch.Decide("one"));
        Assert.Equal(TimeSpan.Zero, watch.Decide("two"));
        var free = watch.WaitForNoneAsync(TestContext.Current.CancellationToken);
        watch.Ended("one");
        await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(free.IsCompleted);
        watch.Ended("two");
        await free.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_deployment_that_asks_between_the_word_that_none_is_under_way_and_the_switch_waits()
    {
        var watch = Watch();
        _state = new RotationState.Proven(Rotation);
        await watch.WaitForNoneAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(TimeSpan.Zero, watch.Decide("d"));
        // The rotation ended otherwise: nobody waits for nothing.
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(TimeSpan.Zero, watch.Decide("d"));
    }

    [Fact]
    public async Task A_process_that_a_deployment_put_here_gives_it_time_to_end()
    {
        var watch = Watch(startedLate: true);
        var free = watch.WaitForNoneAsync(TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(29));
        await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(free.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1001));
        await free.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task That_time_may_run_out_between_two_looks_at_the_clock()
    {
        var time = new RunningClock();
        var watch = new DeploymentWatch(() => _state, () => TimeSpan.FromMinutes(10), startedLate: true, time, NullLogger.Instance);
        time.Now = TimeSpan.FromSeconds(30) - TimeSpan.FromMicroseconds(1);
        await watch.WaitForNoneAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.Equal(3, time.Looks);
    }

    [Fact]
    public async Task A_deployment_that_was_called_off_in_silence_holds_no_restart_up_for_ever()
    {
        var watch = Watch();
        Assert.Equal(TimeSpan.Zero, watch.Decide("d"));
        var free = watch.WaitForNoneAsync(TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromMinutes(59));
        await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(free.IsCompleted);
        _time.Advance(TimeSpan.FromMinutes(1) + TimeSpan.FromMilliseconds(1));
        await free.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    /// <summary>A microsecond goes by whenever it is looked at. Its timers are the machine's.</summary>
    private sealed class RunningClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public int Looks { get; private set; }

        public override long GetTimestamp()
        {
            Looks++;
            Now += TimeSpan.FromMicroseconds(1);
            return (long)(Now.TotalSeconds * TimestampFrequency);
        }
    }

    private DeploymentWatch Watch(bool startedLate = false) => new(() => _state, () => TimeSpan.FromMinutes(10), startedLate, _time, NullLogger.Instance);
}
