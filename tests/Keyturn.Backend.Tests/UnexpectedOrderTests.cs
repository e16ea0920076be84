using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>Jobs, executions, their ends and their requests come in an order that nobody would have chosen.</summary>
public sealed class UnexpectedOrderTests
{
    private readonly Cloud _cloud = new();

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

    private async Task<StoredCertificate> RotateAsync(StoredCertificate from, int key, string jobId)
    {
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: key, principal: from.Certificate.Id, jobId: jobId));
        var made = _cloud.Registry.Certificates[_cloud.Ledger.Rotations.Last().New!.Id];
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(principal: made.Certificate.Id, jobId: jobId));
        return made;
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
}
