using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// What earlier rotations of a thing left behind must never block the next one, and is settled by it: whoever asks for a
/// certificate in a later execution shows by that which one is in use.
/// </summary>
internal sealed class EarlierRotations(
    IRegistry registry, IJobExecutions jobs, IRotationLedger ledger, INotifier notifier, TimeSpan grace, TimeProvider clock, ILogger logger)
{
    private readonly Retirement _retirement = new(registry, ledger, notifier, grace, clock, logger);
    private readonly Notices _notices = new(ledger, notifier, clock, logger);

    /// <summary>Null when the way is clear.</summary>
    public async Task<Refusal?> SettleAsync(Attempt attempt, ThingLedger known, CancellationToken cancellation)
    {
        // A connection may outlive its certificate by minutes: nothing ends in favour of one that an operator has made INACTIVE.
        if (known.Rotations.Any(r => !r.IsClosed || !r.LoserSettled)
            && await _retirement.FaultOfWinnerAsync(attempt.InUse, attempt.Certificates, null, cancellation) is not null)
        {
            return Refusal.NotActive();
        }

        List<Rotation> settled = [];
        foreach (var closed in known.Rotations.Where(r => r.IsClosed))
        {
            // Somebody took it back in its grace period, and the device uses it: what becomes of it is up to the present rotation.
            var isTakenBack = closed is { LoserSettled: false, LoserKeptUntil: not null } && closed.Loser!.Id == attempt.InUse.Id;
            settled.Add(isTakenBack
                ? await ledger.TryUpdateAsync(closed with { LoserSettled = true }, cancellation) ?? throw DependencyException.Overtaken()
                : closed);
        }

        foreach (var earlier in known.Rotations.Where(r => !r.IsClosed))
        {
            if (await BlocksAsync(attempt, earlier, cancellation) is { } refusal)
            {
                return refusal;
            }

            // With a third certificate neither is in use, and a commit still never ends in favour of the old one.
            var winner = attempt.InUse.Id == earlier.New?.Id || earlier.State == RotationState.Committed
                ? RotationState.ClosedNew
                : RotationState.ClosedOld;
            var closed = earlier.To(winner, clock.GetUtcNow(), attempt.InUse.Id);
            if (earlier.State == RotationState.Issuing)
            {
                // Perhaps at this moment: whoever has the certificate made may die before it finds that this one was faster.
                closed = closed.Suspecting(clock.GetUtcNow());
            }

            if (earlier.JobEndedAt is null && earlier.State is RotationState.Issuing or RotationState.Abandoned or RotationState.Issued)
            {
                // Before it is recorded: once it is closed, nobody looks at it again.
                await _notices.SendOnceAsync(NoticeIds.Of(closed), Explanation.OfSuperseded(closed), cancellation, isLastChance: true);
            }

            // The event of its end, mostly, which comes when a retry begins.
            var stored = await ledger.TryUpdateAsync(closed with { LoserSettled = closed.Loser is null }, cancellation)
                ?? throw DependencyException.Overtaken();
            logger.Moved(stored);
            settled.Add(stored);
        }

        // The reference's device may yet go back to one of them: for it, they go when the next rotation has succeeded.
        if (attempt.Sender.ClientToken is not null)
        {
            await DeactivateLosersAsync(attempt, settled, cancellation);
        }

        return await FindAnotherAsync(attempt, known, settled, cancellation);
    }

    private async Task<Refusal?> BlocksAsync(Attempt attempt, Rotation earlier, CancellationToken cancellation)
    {
        var execution = attempt.Execution;
        // The numbers of two jobs say nothing of which came first.
        var number = execution.JobId == earlier.JobId ? execution.ExecutionNumber : earlier.ExecutionNumber;
        if ((execution.QueuedAt, number).CompareTo((earlier.QueuedAt, earlier.ExecutionNumber)) < 0)
        {
            return Refusal.RotationOpen(earlier.JobId);
        }

        switch (earlier.State)
        {
            case RotationState.Committed when attempt.InUse.Id == earlier.Old.Id:
                return await _notices.OldAfterCommitAsync(earlier, cancellation);

            // A retry does not end a freeze; a job that was deleted and created anew begins with number 1 again.
            case RotationState.Frozen when (execution.JobId == earlier.JobId && execution.ExecutionNumber > earlier.ExecutionNumber)
                || execution.QueuedAt <= earlier.Reached(RotationState.Frozen)!.Value.ToUnixTimeSeconds():
                return Refusal.Frozen();

            case RotationState.Issuing or RotationState.Issued
                when await jobs.FindAsync(earlier.Thing, earlier.JobId, cancellation) is { Status: JobExecution.InProgress } other
                    && Rotation.IdOf(earlier.Thing, other) == earlier.RotationId:
                return Refusal.RotationOpen(earlier.JobId);

            default:
                return null;
        }
    }

    /// <summary>Inactive at once; detached and deleted when the present rotation ends, or by the sweep.</summary>
    private async Task DeactivateLosersAsync(Attempt attempt, IEnumerable<Rotation> closed, CancellationToken cancellation)
    {
        var attached = attempt.Certificates.Select(c => c.Certificate.Id).ToHashSet();
        foreach (var rotation in closed)
        {
            if (rotation is { LoserSettled: false, Loser: { } loser } && loser.Id != attempt.InUse.Id && attached.Contains(loser.Id))
            {
                await _retirement.DeactivateAsync(rotation, loser, cancellation);
            }
        }
    }

    /// <summary>A second certificate that could be used, and that no closed rotation says must go.</summary>
    private async Task<Refusal?> FindAnotherAsync(
        Attempt attempt, ThingLedger known, IReadOnlyList<Rotation> closed, CancellationToken cancellation)
    {
        foreach (var (certificate, _) in attempt.Certificates)
        {
            if (certificate.Id != attempt.InUse.Id
                && !closed.Any(r => r.Loser?.Id == certificate.Id)
                && await registry.FindCertificateAsync(certificate.Id, cancellation) is { IsActive: true })
            {
                return known.Knows(certificate.Id) ? Refusal.CertificateOfAnEarlierRotation(certificate.Id) : Refusal.UnknownCertificate(certificate.Id);
            }
        }

        return null;
    }
}
