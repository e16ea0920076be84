using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// The hourly sweep: ends what nobody ended, finishes half-done closings, retires certificates that were issued and never recorded,
/// and tells the operators, once, of a device that is not heard any more. It touches no certificate but those of the ledger.
/// </summary>
/// <param name="jobs">Must tell how an execution ended, not only that it did.</param>
/// <param name="silentAfter">How long a device may not be heard.</param>
public sealed class ReconcileFleet(
    IRegistry registry, IJobExecutions jobs, IRotationLedger ledger, INotifier notifier, TimeProvider clock, ILogger logger,
    TimeSpan silentAfter, TimeSpan grace = default)
{
    private readonly SilentDevices _silent = new(registry, ledger, notifier, silentAfter, clock, logger);
    private readonly UnrecordedCertificates _unrecorded = new(registry, ledger, notifier, clock, logger);

    /// <param name="until">No new work is begun after it: what is left comes in the next sweep, which goes on where this one stopped.</param>
    public async Task HandleAsync(DateTimeOffset until, CancellationToken cancellation)
    {
        var open = await new OpenRotations(registry, jobs, ledger, notifier, _silent, clock, logger, grace).FinishAsync(until, cancellation);
        var orphans = await _unrecorded.RetireAsync(open.Suspects, until, cancellation);
        var silent = open.Silent + await _silent.TellAsync(until, cancellation);
        logger.Swept(open.Things, orphans, silent, open.Complete);
    }
}
