using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// The part of the sweep that tells the operators of devices which are not heard any more: those that used to attest daily, and those
/// whose word an open rotation waits for. Once for each silence.
/// </summary>
internal sealed class SilentDevices(
    IRegistry registry, IRotationLedger ledger, INotifier notifier, TimeSpan silentAfter, TimeProvider clock, ILogger logger)
{
    private readonly Notices _notices = new(ledger, notifier, clock, logger);

    /// <summary>Those at rest, the longest silent first.</summary>
    /// <returns>How many were told of.</returns>
    public async Task<int> TellAsync(DateTimeOffset until, CancellationToken cancellation)
    {
        var told = 0;
        var looked = 0;
        string? cursor = null;
        do
        {
            var page = await ledger.ListDueAsync(DueKind.Heard, clock.GetUtcNow() - silentAfter, cursor, cancellation);
            foreach (var thing in page.Things)
            {
                if (looked++ > 0 && clock.GetUtcNow() >= until)
                {
                    break;
                }

                try
                {
                    told += await TellAsync(thing, await ledger.ReadAsync(thing, cancellation), cancellation) ? 1 : 0;
                }
                catch (DependencyException exception)
                {
                    // One thing's trouble is not another's: it comes up again in the next sweep.
                    logger.PutOff(thing, null, null, exception.Message);
                }
            }

            cursor = page.Cursor;
        }
        while (cursor is not null && clock.GetUtcNow() < until);
        return told;
    }

    /// <returns>True when the operators were told now.</returns>
    public async Task<bool> TellAsync(string thing, ThingLedger known, CancellationToken cancellation)
    {
        var waiting = known.Rotations.LastOrDefault(r => r is { State: RotationState.Reconcile } or { State: RotationState.Committed, JobEndedAt: not null });
        if (known.LastHeard is not { } lastHeard
            || (known.Heard is { IsSilent: true } told && told.At >= lastHeard)
            || (known.Heard is null or { IsSilent: true } && waiting is null))
        {
            return false;
        }

        if (clock.GetUtcNow() - lastHeard <= silentAfter)
        {
            if (known.Heard is { IsSilent: false } earlier && earlier.At < lastHeard)
            {
                await ledger.RecordHeardAsync(earlier with { At = lastHeard }, cancellation);
            }

            return false;
        }

        var inUse = waiting is null ? known.Heard!.CertificateId : waiting.InUse.Id;
        // Whoever took the device out of service took its certificates from the thing.
        var isInService = (await registry.ListCertificatesAsync(thing, cancellation)).Count > 0;
        if (isInService)
        {
            await _notices.SendOnceAsync(NoticeIds.Silent(lastHeard), Explanation.OfSilence(thing, lastHeard, waiting, inUse), cancellation);
        }

        var heard = known.Heard ?? new HeardDevice(thing, lastHeard, inUse, "", "", 0);
        await ledger.RecordHeardAsync(heard with { At = lastHeard, IsSilent = true }, cancellation);
        return isInService;
    }
}
