using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// Removes the losing certificates of closed rotations: inactive, detached, deleted. Only what the ledger recorded, and only while
/// the certificate that stays is attached and ACTIVE. Each step may be repeated.
/// </summary>
/// <param name="grace">Between INACTIVE and the rest. Who makes the certificate ACTIVE again in that time keeps it.</param>
internal sealed class Retirement(
    IRegistry registry, IRotationLedger ledger, INotifier notifier, TimeSpan grace, TimeProvider clock, ILogger logger)
{
    /// <summary>Detaching takes seconds to arrive where deleting looks.</summary>
    private static readonly TimeSpan[] DeletePauses = [.. new[] { 250, 500, 1000, 2000, 4000 }.Select(ms => TimeSpan.FromMilliseconds(ms))];

    /// <summary>The authentication that a commit proves is as good as a look at the certificate, for so long.</summary>
    private static readonly TimeSpan CommitProvesActive = TimeSpan.FromSeconds(30);

    private readonly Notices _notices = new(ledger, notifier, clock, logger);

    /// <summary>Null when it may stay; else why it can't be relied on.</summary>
    public async Task<string?> FaultOfWinnerAsync(
        Certificate winner, IReadOnlyList<ThingCertificate> attached, DateTimeOffset? authenticated, CancellationToken cancellation)
    {
        if (!attached.Any(c => c.Certificate.Id == winner.Id))
        {
            return "the certificate that should stay is not attached to the thing";
        }

        if (clock.GetUtcNow() - authenticated <= CommitProvesActive)
        {
            return null;
        }

        return await registry.FindCertificateAsync(winner.Id, cancellation) is { IsActive: true }
            ? null
            : "the certificate that should stay is not ACTIVE";
    }

    /// <summary>Only before the rotation is closed: whoever finds it closed may find what another has detached a moment ago.</summary>
    /// <returns>True when somebody took the certificate from the thing: it is none of ours to remove then.</returns>
    public async Task<bool> WasTakenAwayAsync(Certificate certificate, IReadOnlyList<ThingCertificate> attached, CancellationToken cancellation) =>
        !attached.Any(c => c.Certificate.Id == certificate.Id) && await registry.FindCertificateAsync(certificate.Id, cancellation) is not null;

    /// <summary>The operators hear of what is not removed before it is recorded: once it is settled, nobody looks at it again.</summary>
    public async Task RetireAsync(Rotation closed, Certificate winner, IReadOnlyList<ThingCertificate> attached, CancellationToken cancellation)
    {
        var loser = closed.Loser!;
        if (loser.Id == winner.Id)
        {
            await SettleAsync(closed, cancellation);
            return;
        }

        if (attached.Any(c => c.Certificate.Id == loser.Id))
        {
            (closed, var exists) = await DeactivateAsync(closed, loser, cancellation);
            if (closed.LoserKeptUntil is { } until)
            {
                if (clock.GetUtcNow() < until)
                {
                    logger.KeptInGrace(closed.Thing, closed.JobId, closed.RotationId, loser.Id, until);
                    return;
                }

                if (await registry.FindCertificateAsync(loser.Id, cancellation) is { IsActive: true })
                {
                    await LeaveAsync(closed, loser, "somebody made it ACTIVE again in its grace period", cancellation);
                    await SettleAsync(closed, cancellation);
                    return;
                }
            }

            if (exists)
            {
                await registry.DetachAsync(closed.Thing, loser, cancellation);
            }
        }

        var outcome = await DeleteAsync(loser, cancellation);
        if (outcome == DeleteOutcome.StillActive && WasNeverHandedOut(closed, loser) && await registry.DeactivateAsync(loser, cancellation))
        {
            outcome = await DeleteAsync(loser, cancellation);
        }

        if (outcome == DeleteOutcome.StillAttached)
        {
            await LeaveAsync(closed, loser, "it is still attached to a thing", cancellation);
            return;
        }

        if (outcome == DeleteOutcome.StillActive)
        {
            await LeaveAsync(closed, loser, "somebody made it ACTIVE again", cancellation);
        }

        await SettleAsync(closed, cancellation);
        if (outcome == DeleteOutcome.Gone)
        {
            logger.Retired(closed.Thing, closed.JobId, closed.RotationId, loser.Id);
        }
    }

    public async Task LeaveAsync(Rotation rotation, Certificate loser, string reason, CancellationToken cancellation)
    {
        logger.NotRetired(rotation.Thing, rotation.JobId, rotation.RotationId, loser.Id, reason);
        await _notices.NotRetiredAsync(rotation, $"certificate {loser.Id} was left as it is: {reason}", cancellation, isLastChance: true);
    }

    /// <summary>
    /// Makes the losing certificate INACTIVE, once: under a grace period the moment is recorded, so that whoever makes it ACTIVE again
    /// has the last word.
    /// </summary>
    public async Task<(Rotation Rotation, bool Exists)> DeactivateAsync(Rotation closed, Certificate loser, CancellationToken cancellation)
    {
        if (closed.LoserKeptUntil is not null)
        {
            return (closed, true);
        }

        if (!await registry.DeactivateAsync(loser, cancellation))
        {
            return (closed, false);
        }

        return grace == TimeSpan.Zero
            ? (closed, true)
            : (await ledger.TryUpdateAsync(closed with { LoserKeptUntil = clock.GetUtcNow() + grace }, cancellation)
                ?? throw DependencyException.Overtaken(), true);
    }

    /// <summary>Whoever issued it died before attaching it: nobody can use it, so nobody made it ACTIVE but we.</summary>
    private static bool WasNeverHandedOut(Rotation closed, Certificate loser) =>
        loser.Id == closed.New!.Id && closed.Reached(RotationState.Issued) is null;

    private Task<DeleteOutcome> DeleteAsync(Certificate loser, CancellationToken cancellation) => Patience.WhileAsync(
        outcome => outcome == DeleteOutcome.StillAttached, () => registry.DeleteAsync(loser, cancellation), DeletePauses, clock, cancellation);

    private Task<Rotation?> SettleAsync(Rotation closed, CancellationToken cancellation) =>
        ledger.TryUpdateAsync(closed with { LoserSettled = true }, cancellation);
}
