using Keyturn.Backend.Ports;

namespace Keyturn.Backend;

/// <summary>
/// If a rotation was never decided and its job is over, nobody heard of the end: the event was lost, came before the rotation was
/// opened, or job events are switched off.
/// </summary>
internal sealed class UnheardEnds(IJobExecutions jobs, CloseRotation close, TimeProvider clock)
{
    /// <summary>As long as a rotation's own end may still be under way, it is left to that.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <returns>True when something was ended, so that what was read before is out of date.</returns>
    public async Task<bool> EndAsync(IEnumerable<Rotation> rotations, CancellationToken cancellation)
    {
        var ended = false;
        foreach (var rotation in rotations.Where(r => r.JobEndedAt is null && clock.GetUtcNow() - r.Trail[^1].At > Patience))
        {
            var execution = await jobs.FindAsync(rotation.Thing, rotation.JobId, cancellation);
            var isOurs = execution is not null && Rotation.IdOf(rotation.Thing, execution) == rotation.RotationId;
            if (isOurs && execution!.Status == JobExecution.InProgress)
            {
                continue;
            }

            // It was over when another took its place: what ends after that is the other's.
            var at = execution is null || isOurs ? clock.GetUtcNow().ToUnixTimeSeconds() : execution.QueuedAt;
            await close.HandleAsync(
                new JobEvent(rotation.Thing, rotation.JobId, isOurs ? execution!.Status : JobEvent.DeletedStatus, at, null, null, null, null)
                {
                    FoundFor = rotation.RotationId,
                },
                cancellation);
            ended = true;
        }

        return ended;
    }
}
