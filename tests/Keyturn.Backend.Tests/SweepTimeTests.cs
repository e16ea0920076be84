using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

/// <summary>A sweep ends in time, and the next one goes on.</summary>
public sealed class SweepTimeTests
{
    [Fact]
    public async Task A_sweep_out_of_time_goes_on_where_it_stopped()
    {
        var cloud = new Cloud(pageSize: 1);
        await AddOpenAsync(cloud, 4, RotationState.Issuing);
        for (var sweep = 1; sweep <= 4; sweep++)
        {
            await cloud.SweepAsync(seconds: 0);
            Assert.Equal(sweep, cloud.Ledger.Rotations.Count(r => r.State == RotationState.Abandoned));
            Assert.Equal(sweep < 4, await cloud.Ledger.ReadSweepCursorAsync(TestContext.Current.CancellationToken) is not null);
        }

        await cloud.SweepAsync();
        Assert.Null(await cloud.Ledger.ReadSweepCursorAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_sweep_out_of_time_in_the_middle_of_a_page_begins_nothing_more()
    {
        var cloud = new Cloud();
        await AddOpenAsync(cloud, 5, RotationState.Abandoned);
        for (var sweep = 1; sweep <= 3; sweep++)
        {
            var until = cloud.Clock.GetUtcNow().AddSeconds(90);
            cloud.Faults.FailWith = call =>
            {
                // Each thing takes a minute.
                cloud.Clock.Advance(TimeSpan.FromSeconds(call == "jobs.DescribeJobExecution" ? 60 : 0));
                return null;
            };
            await cloud.SweepAsync(seconds: 90);
            cloud.Faults.Reset();
            Assert.True(cloud.Clock.GetUtcNow() < until.AddSeconds(60));
            Assert.Equal(Math.Min(2 * sweep, 5), cloud.Ledger.Rotations.Count(r => r.JobEndedAt is not null));
        }
    }

    [Fact]
    public async Task Of_devices_that_fell_silent_together_no_more_are_told_of_than_there_is_time_for()
    {
        var cloud = new Cloud();
        for (var i = 0; i < 5; i++)
        {
            var thing = $"other{i}";
            cloud.Registry.Add(thing);
            await cloud.Ledger.RecordHeardAsync(
                new HeardDevice(thing, cloud.Clock.GetUtcNow(), new string('c', 64), "2.0.0", "file", 2_524_607_999), TestContext.Current.CancellationToken);
        }

        cloud.Clock.Advance(Cloud.SilentAfter + TimeSpan.FromHours(1));
        for (var sweep = 1; sweep <= 3; sweep++)
        {
            cloud.Faults.FailWith = call =>
            {
                cloud.Clock.Advance(TimeSpan.FromSeconds(call == "sns.Publish" ? 60 : 0));
                return null;
            };
            await cloud.SweepAsync(seconds: 90);
            cloud.Faults.Reset();
            Assert.Equal(Math.Min(2 * sweep, 5), cloud.Notices.Count);
        }
    }

    private static async Task AddOpenAsync(Cloud cloud, int count, RotationState state)
    {
        for (var i = 0; i < count; i++)
        {
            cloud.Clock.Advance(TimeSpan.FromSeconds(1));
            await cloud.Ledger.OpenAsync(
                new Rotation
                {
                    Thing = $"other{i}", RotationId = "r", JobId = "gone", QueuedAt = 1, ExecutionNumber = 1, State = state, KeyHash = $"k{i}",
                    Old = cloud.Old.Certificate, SpeaksTokens = true, Trail = [new Transition(state, cloud.Clock.GetUtcNow(), null)],
                },
                null, TestContext.Current.CancellationToken);
        }

        cloud.Clock.Advance(TimeSpan.FromHours(1));
    }
}
