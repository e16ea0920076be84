using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// A job execution came to its end. Only a rotation that the device committed to, in a job that succeeded, costs a certificate its
/// life; of every other the operators hear, once.
/// </summary>
/// <param name="grace">How long a retired certificate is kept INACTIVE before it is detached and deleted.</param>
public sealed class CloseRotation(
    IRegistry registry, IRotationLedger ledger, INotifier notifier, TimeProvider clock, ILogger logger, TimeSpan grace = default)
{
    private readonly Notices _notices = new(ledger, notifier, clock, logger);
    private readonly Retirement _retirement = new(registry, ledger, notifier, grace, clock, logger);

    public async Task HandleAsync(JobEvent job, CancellationToken cancellation)
    {
        var known = await ledger.ReadAsync(job.Thing, cancellation);
        if (job.FoundFor is { } found)
        {
            foreach (var open in known.Rotations.Where(r => r.RotationId == found && r.JobEndedAt is null))
            {
                await EndAsync(job, open, known, cancellation);
            }

            return;
        }

        var (last, refusal) = (known.EndedBy(job), known.RefusedBefore(job));
        if (last is null || IsOver(last, job) || IsLater(refusal, last))
        {
            await CloseUnopenedAsync(job, known, last is null || IsLater(refusal, last) ? refusal : null, last, cancellation);
            return;
        }

        await EndAsync(job, last, known, cancellation);
    }

    private async Task EndAsync(JobEvent job, Rotation rotation, ThingLedger known, CancellationToken cancellation)
    {
        // The device's word or its next rotation closed it, or its end was only found, or taken from a deletion. A later end is another execution's.
        // A success takes no place: if a failure was told of with that deletion, the end of that failure is still to come.
        if ((rotation is { IsClosed: true, JobEndedAt: null } && job.FoundFor is null)
            || (rotation.JobEnd is { } found && job.IsOneOfItsKind && !job.Succeeded && !NoticeIds.IsOneOfItsKind(found)))
        {
            await ledger.TryUpdateAsync(rotation with { JobEndedAt = job.At, JobEnd = NoticeIds.Of(job) }, cancellation);
            await HandleAsync(job, cancellation);
            return;
        }

        switch (rotation.State)
        {
            case RotationState.Committed when job.Succeeded:
                await FinishAsync(job, rotation, known, cancellation);
                break;

            // Of an earlier rotation than the last, the last one's end or the sweep takes care: its winner may be gone already.
            case RotationState.ClosedNew when job.Succeeded && !rotation.LoserSettled && rotation == known.Latest:
                await FinishAsync(job, rotation, known, cancellation);
                break;

            case RotationState.ClosedNew or RotationState.ClosedOld when !job.Succeeded && !job.Deleted:
                // The device was faster than this event, or than its repetition after a failure to tell.
                await NotifyAsync(job, rotation, cancellation);
                break;

            case RotationState.ClosedNew or RotationState.ClosedOld:
            // Its end was another event's, which tells of it; that it did may have expired while the rotation waits.
            case var _ when job.Deleted && rotation.JobEnd is { } end && end != NoticeIds.Of(job):
                logger.NothingToClose(job.Thing, job.JobId, job.Status);
                break;

            default:
                await AwaitDeviceAsync(job, rotation, cancellation);
                break;
        }
    }

    /// <summary>
    /// The execution that ended came after this rotation's, and never got as far as a rotation, or its event was faster than this one. Deleting is no second
    /// end: an execution is deleted with its job, long after its end.
    /// </summary>
    private static bool IsOver(Rotation rotation, JobEvent job) => !job.Deleted
        && (rotation.JobEndedAt < job.At || (!job.Succeeded && NoticeIds.IsOneOfItsKind(rotation.JobEnd) && rotation.JobEnd != NoticeIds.Of(job)));

    private static bool IsLater(RecordedRefusal? refusal, Rotation rotation) =>
        refusal is not null && (refusal.QueuedAt, refusal.ExecutionNumber).CompareTo((rotation.QueuedAt, rotation.ExecutionNumber)) > 0;

    /// <summary>Committed and SUCCEEDED: the old certificate goes, and whatever earlier rotations left.</summary>
    private async Task FinishAsync(JobEvent job, Rotation rotation, ThingLedger known, CancellationToken cancellation)
    {
        var winner = rotation.New!;
        var attached = await registry.ListCertificatesAsync(rotation.Thing, cancellation);
        if (await _retirement.FaultOfWinnerAsync(winner, attached, rotation.Reached(RotationState.Committed), cancellation) is { } fault)
        {
            var now = await ledger.ReadAsync(job.Thing, cancellation);
            if (now.IsLaterThan(known))
            {
                // A later rotation has retired the winner while this invocation was slow. Each such turn is another's step, so this ends.
                await HandleAsync(job, cancellation);
                return;
            }

            await _notices.NotRetiredAsync(rotation, fault, cancellation);
            return;
        }

        var closed = rotation;
        if (!rotation.IsClosed)
        {
            closed = await CloseAsync(job, rotation, attached, cancellation);
            if (closed is null)
            {
                // An attest or a copy of this event was faster. States only move on, so this ends.
                await HandleAsync(job, cancellation);
                return;
            }

            logger.Moved(closed);
        }

        foreach (var leftover in known.Rotations.Where(r => r is { IsClosed: true, LoserSettled: false } && r.RotationId != rotation.RotationId))
        {
            await _retirement.RetireAsync(leftover, winner, attached, cancellation);
        }

        if (!closed.LoserSettled)
        {
            await _retirement.RetireAsync(closed, winner, attached, cancellation);
        }
    }

    /// <returns>Null when another was faster.</returns>
    private async Task<Rotation?> CloseAsync(JobEvent job, Rotation rotation, IReadOnlyList<ThingCertificate> attached, CancellationToken cancellation)
    {
        var isLeft = await _retirement.WasTakenAwayAsync(rotation.Old, attached, cancellation);
        if (isLeft)
        {
            // A copy of this event closes the rotation first, and then detaches it.
            if ((await ledger.ReadAsync(rotation.Thing, cancellation)).Find(rotation.RotationId)!.IsClosed)
            {
                return null;
            }

            await _retirement.LeaveAsync(rotation, rotation.Old, "somebody detached it from the thing; it may serve elsewhere", cancellation);
        }

        return await ledger.TryUpdateAsync(
            rotation.To(RotationState.ClosedNew, clock.GetUtcNow()) with
            {
                // The end of a job of the same name may have been faster, and copies of that must find what they were taken for.
                JobEndedAt = rotation.JobEndedAt ?? job.At,
                JobEnd = rotation.JobEnd ?? NoticeIds.Of(job),
                LoserSettled = isLeft,
            },
            cancellation);
    }

    /// <summary>The certificate may have reached the device or not: it stays until the device says which one it uses.</summary>
    private async Task AwaitDeviceAsync(JobEvent job, Rotation rotation, CancellationToken cancellation)
    {
        var waiting = (rotation.State switch
        {
            RotationState.Issued => rotation.To(RotationState.Reconcile, clock.GetUtcNow()),
            // Recorded, and perhaps being attached at this moment.
            RotationState.Issuing when rotation.New is not null => rotation.To(RotationState.Reconcile, clock.GetUtcNow()) with { LeaseUntil = default },
            RotationState.Issuing => rotation.To(RotationState.Abandoned, clock.GetUtcNow()).Suspecting(clock.GetUtcNow()) with { LeaseUntil = default },
            _ => rotation,
        }) with { JobEndedAt = job.At, JobEnd = NoticeIds.Of(job) };
        if (job.FoundFor is not null)
        {
            // Found, not heard: nobody repeats it once it is recorded.
            await NotifyAsync(job, waiting, cancellation);
        }

        if (rotation.JobEndedAt is null)
        {
            if (await ledger.TryUpdateAsync(waiting, cancellation) is null)
            {
                // A commit or a copy of this event was faster. States only move on, so this ends.
                await HandleAsync(job, cancellation);
                return;
            }

            if (waiting.State != rotation.State)
            {
                logger.Moved(waiting);
            }
        }

        await NotifyAsync(job, waiting, cancellation);
    }

    /// <summary>A request of the device that claimed the message and failed to send it may not come again: an event does, if it fails.</summary>
    private Task NotifyAsync(JobEvent job, Rotation rotation, CancellationToken cancellation) =>
        _notices.SendOnceAsync(NoticeIds.Of(rotation), Explanation.Of(job, rotation), cancellation, isLastChance: true);

    private async Task CloseUnopenedAsync(
        JobEvent job, ThingLedger known, RecordedRefusal? refusal, Rotation? before, CancellationToken cancellation)
    {
        // A later end of the same job was faster, and was told of as the end of that rotation.
        var overtaken = !job.Deleted && before?.JobEndedAt > job.At ? before : null;
        if (refusal is not null)
        {
            // A deletion may be faster than the end of what it deletes, which must find its execution.
            if (refusal.JobEnd is null && job.IsOneOfItsKind)
            {
                await ledger.RecordRefusalAsync(refusal with { JobEnd = NoticeIds.Of(job) }, cancellation);
            }

            await _notices.SendOnceAsync(NoticeIds.Of(refusal.RotationId), Explanation.Of(job, refusal), cancellation, isLastChance: true);
        }
        else if ((Explanation.Of(job) ?? (overtaken is null ? null : Explanation.Of(job, overtaken))) is { } notice)
        {
            // A request that saw the job still in progress must not open a rotation now: its end would be told of a second time.
            if (!await ledger.TryCloseUnopenedAsync(job.Thing, known.ActiveRotationId, NoticeIds.Of(job), cancellation))
            {
                // A rotation was opened meanwhile, perhaps this one; each such turn is another's step, so this ends.
                await HandleAsync(job, cancellation);
                return;
            }

            await _notices.SendOnceAsync(NoticeIds.Of(job), notice, cancellation);
        }
        else
        {
            logger.NothingToClose(job.Thing, job.JobId, job.Status);
        }
    }
}
