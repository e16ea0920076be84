using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>The part of the sweep that goes through the things with an open rotation.</summary>
internal sealed class OpenRotations(
    IRegistry registry, IJobExecutions jobs, IRotationLedger ledger, INotifier notifier, SilentDevices silent, TimeProvider clock, ILogger logger,
    TimeSpan grace)
{
    private readonly UnheardEnds _ends = new(jobs, new CloseRotation(registry, ledger, notifier, clock, logger, grace), clock);
    private readonly Retirement _retirement = new(registry, ledger, notifier, grace, clock, logger);
    private readonly Notices _notices = new(ledger, notifier, clock, logger);

    public async Task<OpenSweep> FinishAsync(DateTimeOffset until, CancellationToken cancellation)
    {
        var before = clock.GetUtcNow() - UnheardEnds.Patience;
        List<Rotation> suspects = [];
        var untold = 0;
        var isCut = false;
        HashSet<string> seen = [];
        var cursor = await ledger.ReadSweepCursorAsync(cancellation);
        var begun = cursor;
        do
        {
            var page = await ledger.ListDueAsync(DueKind.OpenRotation, before, cursor, cancellation);
            var next = page.Cursor;
            foreach (var thing in page.Things.Where(t => !seen.Contains(t)))
            {
                if (seen.Count > 0 && clock.GetUtcNow() >= until)
                {
                    // The next sweep begins with the rest of this page.
                    (next, isCut) = (cursor, true);
                    break;
                }

                seen.Add(thing);
                try
                {
                    var known = await FinishAsync(thing, cancellation);
                    suspects.AddRange(known.Rotations.Where(r => r.Unrecorded?.To < clock.GetUtcNow()));
                    untold += await silent.TellAsync(thing, known, cancellation) ? 1 : 0;
                }
                catch (DependencyException exception)
                {
                    // One thing's trouble is not another's: it comes up again in the next sweep.
                    logger.PutOff(thing, null, null, exception.Message);
                }
            }

            cursor = next;
        }
        while (cursor is not null && clock.GetUtcNow() < until);

        if (cursor != begun)
        {
            await ledger.WriteSweepCursorAsync(cursor, cancellation);
        }

        return new OpenSweep(seen.Count, suspects, untold, cursor is null && !isCut);
    }

    private async Task<ThingLedger> FinishAsync(string thing, CancellationToken cancellation)
    {
        var known = await ledger.ReadAsync(thing, cancellation);
        var abandoned = false;
        foreach (var expired in known.Rotations.Where(IsExpired))
        {
            var stored = await ledger.TryUpdateAsync(
                expired.To(RotationState.Abandoned, clock.GetUtcNow()).Suspecting(expired.LeaseUntil) with { LeaseUntil = default }, cancellation);
            if (stored is not null)
            {
                logger.Moved(stored);
            }

            abandoned = true;
        }

        // Of a frozen one only to tell of it: whoever froze it may have died before that.
        var undecided = known.Rotations.Where(r => r.State is RotationState.Issuing or RotationState.Issued or RotationState.Abandoned
            or RotationState.Committed or RotationState.Frozen);
        if (await _ends.EndAsync(abandoned ? [] : undecided, cancellation) || abandoned)
        {
            known = await ledger.ReadAsync(thing, cancellation);
        }

        if (known.Latest is { IsClosed: true } latest && known.Rotations.Any(r => IsLeftOver(r, known)))
        {
            await RetireLosersAsync(known, latest, cancellation);
            known = await ledger.ReadAsync(thing, cancellation);
        }

        return known;
    }

    /// <summary>Nobody works on it, and no certificate was recorded.</summary>
    private bool IsExpired(Rotation rotation) =>
        rotation is { State: RotationState.Issuing, New: null }
        && rotation.LeaseUntil < clock.GetUtcNow()
        && clock.GetUtcNow() - rotation.Trail[^1].At > UnheardEnds.Patience;

    /// <summary>
    /// The reference's device may go back to a certificate long after its job: what that left goes only once the device committed
    /// to a later one.
    /// </summary>
    private bool IsLeftOver(Rotation rotation, ThingLedger known) =>
        rotation is { IsClosed: true, LoserSettled: false }
        && clock.GetUtcNow() - rotation.DueAt > UnheardEnds.Patience
        && (rotation.SpeaksTokens || known.Rotations.Any(r =>
            r.State == RotationState.ClosedNew && r.Reached(RotationState.Committed) is not null && r.Order.CompareTo(rotation.Order) >= 0));

    private async Task RetireLosersAsync(ThingLedger known, Rotation latest, CancellationToken cancellation)
    {
        var attached = await registry.ListCertificatesAsync(latest.Thing, cancellation);
        // A third certificate, whose request closed it, is the one that stays.
        var winner = attached.FirstOrDefault(c => c.Certificate.Id == latest.Trail[^1].Principal)?.Certificate ?? latest.InUse;
        if (await _retirement.FaultOfWinnerAsync(winner, attached, null, cancellation) is { } fault)
        {
            // A device may have rotated between the two looks; then the next sweep sees it as it is.
            if (!(await ledger.ReadAsync(latest.Thing, cancellation)).IsLaterThan(known))
            {
                await _notices.NotRetiredAsync(latest, fault, cancellation);
            }

            return;
        }

        foreach (var rotation in known.Rotations.Where(r => IsLeftOver(r, known)))
        {
            await _retirement.RetireAsync(rotation, winner, attached, cancellation);
        }
    }
}

/// <param name="Things">How many were looked at.</param>
/// <param name="Suspects">Rotations that may have left a certificate unrecorded.</param>
/// <param name="Silent">Devices found silent.</param>
/// <param name="Complete">It came to the end, rather than out of time.</param>
internal sealed record OpenSweep(int Things, IReadOnlyList<Rotation> Suspects, int Silent, bool Complete);
