using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// Removes the losing certificates of closed rotations: inactive, detached, deleted. Only what the ledger recorded, and only while
/// the certificate that stays is attached and ACTIVE. Each step may be repeated.
/// </summary>
/// <param name="grace">Between INACTIVE and the rest. Who makes the certificate ACTIVE again in that time keeps it.</param>
internal sealed class Retirement(IRegistry registry, IRotationLedger ledger, TimeSpan grace, TimeProvider clock, ILogger logger)
{
    /// <summary>Detaching takes seconds to arrive where deleting looks.</summary>
    private static readonly TimeSpan[] DeletePauses = [.. new[] { 250, 500, 1000, 2000, 4000 }.Select(ms => TimeSpan.FromMilliseconds(ms))];

    /// <summary>The authentication that a commit proves is as good as a look at the certificate, for so long.</summary>
    private static readonly TimeSpan CommitProvesActive = TimeSpan.FromSeconds(30);

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

    /// <param name="begun">This rotation was closed in an earlier run, which may have detached the certificate already.</param>
    /// <returns>Null when the loser is gone; else why it was left.</returns>
    public async Task<string?> RetireAsync(
        Rotation closed, Certificate winner, IReadOnlyList<ThingCertificate> attached, bool begun, CancellationToken cancellation)
    {
        var loser = closed.Loser!;
        if (loser.Id == winner.Id)
        {
            await SettleAsync(closed, cancellation);
            return null;
        }

        if (attached.Any(c => c.Certificate.Id == loser.Id))
        {
            (closed, var exists) = await DeactivateAsync(closed, loser, cancellation);
            if (closed.LoserKeptUntil is { } until)
            {
                if (clock.GetUtcNow() < until)
                {
                    logger.KeptInGrace(closed.Thing, closed.JobId, closed.RotationId, loser.Id, until);
                    return null;
                }

                if (await registry.FindCertificateAsync(loser.Id, cancellation) is { IsActive: true })
                {
                    await SettleAsync(closed, cancellation);
                    return Left(closed, loser, "somebody made it ACTIVE again in its grace period");
                }
            }

            if (exists)
            {
                await registry.DetachAsync(closed.Thing, loser, cancellation);
            }
        }
        else if (!begun && await registry.FindCertificateAsync(loser.Id, cancellation) is not null)
        {
            await SettleAsync(closed, cancellation);
            return Left(closed, loser, "somebody detached it from the thing; it may serve elsewhere");
        }

        var outcome = await DeleteAsync(loser, cancellation);
        if (outcome == DeleteOutcome.StillActive && WasNeverHandedOut(closed, loser) && await registry.DeactivateAsync(loser, cancellation))
        {
            outcome = await DeleteAsync(loser, cancellation);
        }

        if (outcome == DeleteOutcome.StillAttached)
        {
            return Left(closed, loser, "it is still attached to a thing");
        }

        await SettleAsync(closed, cancellation);
        if (outcome == DeleteOutcome.StillActive)
        {
            return Left(closed, loser, "somebody made it ACTIVE again");
        }

        logger.Retired(closed.Thing, closed.JobId, closed.RotationId, loser.Id);
        return null;
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

    private string Left(Rotation closed, Certificate loser, string reason)
    {
        logger.NotRetired(closed.Thing, closed.JobId, closed.RotationId, loser.Id, reason);
        return $"certificate {loser.Id} was left as it is: {reason}";
    }
}
