using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

/// <summary>
/// Each use case dies before and after every single call it makes, is run again as Lambda or the device would, and the thing ends
/// where it would have without. The calls are counted as they come, not listed.
/// </summary>
public sealed class KilledAnywhereTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Issuing_ends_with_the_same_certificate_answered(bool afterEffect)
    {
        foreach (var kill in Enumerable.Range(0, await CountAsync(Nothing, Issue)))
        {
            var cloud = await DieAsync(Nothing, Issue, kill, afterEffect);
            await Issue(cloud);

            Assert.Equal(RotationState.Issued, cloud.Rotation.State);
            Assert.Equal(cloud.New.Certificate.Id, cloud.Published[^1].Payload.GetProperty("certificateId").GetString());
            Assert.Equal(cloud.Old.Policies, cloud.New.Policies);
            Assert.Equal([cloud.Old, cloud.New], cloud.Registry.ActiveOf(Cloud.Thing));
            await FinishAsync(cloud);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Committing_ends_committed_and_answered(bool afterEffect)
    {
        foreach (var kill in Enumerable.Range(0, await CountAsync(Issue, Commit)))
        {
            var cloud = await DieAsync(Issue, Commit, kill, afterEffect);
            await Commit(cloud);
            Assert.Equal(RotationState.Committed, cloud.Rotation.State);
            Assert.EndsWith("commit/accepted", cloud.Published[^1].Topic, StringComparison.Ordinal);
            await FinishAsync(cloud);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Closing_ends_with_the_new_certificate_alone(bool afterEffect)
    {
        foreach (var kill in Enumerable.Range(0, await CountAsync(Committed, Close)))
        {
            var cloud = await DieAsync(Committed, Close, kill, afterEffect);
            await Close(cloud);
            await AssertRestAsync(cloud);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failure_is_told_and_only_a_death_between_sending_and_noting_it_tells_it_twice(bool afterEffect)
    {
        foreach (var kill in Enumerable.Range(0, await CountAsync(Issue, Fail)))
        {
            var cloud = await DieAsync(Issue, Fail, kill, afterEffect);
            var sentUnnoted = cloud.Notices.Count == 1 && (cloud.Faults.Calls[kill], afterEffect) is ("sns.Publish", true) or ("ledger.MarkNoticeSent", false);
            await Fail(cloud);
            await Fail(cloud);
            Assert.Equal(RotationState.Reconcile, cloud.Rotation.State);
            Assert.Equal(sentUnnoted ? 2 : 1, cloud.Notices.Count);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Settling_what_a_failed_rotation_left_ends_the_same(bool afterEffect)
    {
        foreach (var kill in Enumerable.Range(0, await CountAsync(FailedOnce, IssueAgain)))
        {
            var cloud = await DieAsync(FailedOnce, IssueAgain, kill, afterEffect);
            await IssueAgain(cloud);
            var issued = cloud.Registry.Certificates[cloud.Ledger.Rotations.Last().New!.Id];
            Assert.Equal(Outcome.Accepted, await cloud.CommitAsync(principal: issued.Certificate.Id, jobId: "rotate-2"));
            await cloud.CloseAsync(JobExecution.Succeeded, "rotate-2");
            Assert.Equal([issued], cloud.Registry.ActiveOf(Cloud.Thing));
            Assert.All(cloud.Ledger.Rotations, r => Assert.True(r.LoserSettled));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Issuing_that_nobody_takes_up_again_leaves_no_recorded_certificate_after_the_next_rotation(bool afterEffect)
    {
        foreach (var kill in Enumerable.Range(0, await CountAsync(Nothing, Issue)))
        {
            var cloud = await DieAsync(Nothing, Issue, kill, afterEffect);
            await cloud.CloseAsync("TIMED_OUT");
            var notices = cloud.Notices.Count;
            await cloud.CloseAsync("TIMED_OUT");
            Assert.Equal((1, 1), (notices, cloud.Notices.Count));

            cloud.Clock.Advance(TimeSpan.FromHours(1));
            cloud.AddJob("rotate-2");
            Assert.Equal(Outcome.Accepted, await cloud.CreateAsync(key: 1, jobId: "rotate-2"));
            var issued = cloud.Registry.Certificates[cloud.Ledger.Rotations.Last().New!.Id];
            Assert.Equal(Outcome.Accepted, await cloud.CommitAsync(principal: issued.Certificate.Id, jobId: "rotate-2"));
            await cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", eventId: "event-2");

            var recorded = cloud.Ledger.Rotations.SelectMany(r => new[] { r.Old.Id, r.New?.Id }).ToHashSet();
            Assert.Equal([issued], cloud.Registry.Certificates.Values.Where(c => recorded.Contains(c.Certificate.Id)));
            Assert.Single(cloud.Notices);
        }
    }

    private static Task Nothing(Cloud cloud) => Task.CompletedTask;

    private static Task Issue(Cloud cloud) => cloud.CreateAsync();

    private static Task Commit(Cloud cloud) => cloud.CommitAsync();

    private static Task Close(Cloud cloud) => cloud.CloseAsync(JobExecution.Succeeded);

    private static Task Fail(Cloud cloud) => cloud.CloseAsync("FAILED");

    private static async Task Committed(Cloud cloud)
    {
        await cloud.CreateAsync();
        await cloud.CommitAsync();
    }

    private static async Task FailedOnce(Cloud cloud)
    {
        await cloud.CreateAsync();
        await cloud.CloseAsync("FAILED");
        cloud.Clock.Advance(TimeSpan.FromHours(1));
        cloud.AddJob("rotate-2");
    }

    private static Task IssueAgain(Cloud cloud) => cloud.CreateAsync(key: 1, jobId: "rotate-2");

    private static async Task<int> CountAsync(Func<Cloud, Task> before, Func<Cloud, Task> step)
    {
        var cloud = new Cloud();
        await before(cloud);
        cloud.Faults.Reset();
        await step(cloud);
        Assert.NotEmpty(cloud.Faults.Calls);
        return cloud.Faults.Calls.Count;
    }

    /// <summary>Afterwards a minute has passed: Lambda's wait before it tries again, longer than any lease.</summary>
    private static async Task<Cloud> DieAsync(Func<Cloud, Task> before, Func<Cloud, Task> step, int kill, bool afterEffect)
    {
        var cloud = new Cloud();
        await before(cloud);
        cloud.Faults.Reset();
        (cloud.Faults.KillAt, cloud.Faults.AfterEffect) = (kill, afterEffect);
        await Assert.ThrowsAsync<ProcessKilledException>(() => step(cloud));
        cloud.Faults.KillAt = null;
        cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        return cloud;
    }

    private static async Task FinishAsync(Cloud cloud)
    {
        if (cloud.Rotation.State == RotationState.Issued)
        {
            await cloud.CommitAsync();
        }

        await Close(cloud);
        await AssertRestAsync(cloud);
    }

    private static async Task AssertRestAsync(Cloud cloud)
    {
        Assert.Equal([cloud.New], cloud.Registry.ActiveOf(Cloud.Thing));
        Assert.False(cloud.Registry.Certificates.ContainsKey(cloud.Old.Certificate.Id));
        Assert.True(cloud.Rotation.LoserSettled);
        Assert.Empty(cloud.Notices);
        cloud.AddJob("rotate-2");
        Assert.Equal(Outcome.Accepted, await cloud.CreateAsync(key: 1, principal: cloud.New.Certificate.Id, jobId: "rotate-2"));
    }
}
