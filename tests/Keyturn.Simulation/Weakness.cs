using Keyturn.Backend;
using Keyturn.Backend.Ports;

namespace Keyturn.Simulation;

/// <summary>A check that is taken out, around the product and not in it, to see that the simulation would notice.</summary>
internal enum Weakness
{
    None,

    /// <summary>The ledger writes whatever it is given, whoever wrote before.</summary>
    UnconditionalWrites,

    /// <summary>The device takes an answer with any token for one to its own request.</summary>
    AnyToken,

    /// <summary>A commit counts whatever certificate it came with (I2).</summary>
    AnybodyCommits,
}

/// <summary>A ledger without the condition of its updates.</summary>
internal sealed class LastWriterWins(IRotationLedger ledger) : IRotationLedger
{
    public async Task<Rotation?> TryUpdateAsync(Rotation rotation, CancellationToken cancellation)
    {
        while (true)
        {
            if (await ledger.TryUpdateAsync(rotation, cancellation) is { } written)
                return written;
            var stored = (await ledger.ReadAsync(rotation.Thing, cancellation)).Find(rotation.RotationId);
            if (stored is null)
                return null;
            rotation = rotation with { Version = stored.Version };
        }
    }

    public Task<ThingLedger> ReadAsync(string thing, CancellationToken cancellation) => ledger.ReadAsync(thing, cancellation);

    public Task<OpenOutcome> OpenAsync(Rotation rotation, string? superseded, CancellationToken cancellation) => ledger.OpenAsync(rotation, superseded, cancellation);

    public Task<bool> TryCloseUnopenedAsync(string thing, string? superseded, string jobEnd, CancellationToken cancellation) =>
        ledger.TryCloseUnopenedAsync(thing, superseded, jobEnd, cancellation);

    public Task RecordRefusalAsync(RecordedRefusal refusal, CancellationToken cancellation) => ledger.RecordRefusalAsync(refusal, cancellation);

    public Task<bool> TryClaimNoticeAsync(string thing, string noticeId, DateTimeOffset now, DateTimeOffset until, CancellationToken cancellation) =>
        ledger.TryClaimNoticeAsync(thing, noticeId, now, until, cancellation);

    public Task MarkNoticeSentAsync(string thing, string noticeId, CancellationToken cancellation) => ledger.MarkNoticeSentAsync(thing, noticeId, cancellation);

    public Task RecordHeardAsync(HeardDevice device, CancellationToken cancellation) => ledger.RecordHeardAsync(device, cancellation);

    public Task<DuePage> ListDueAsync(DueKind kind, DateTimeOffset before, string? cursor, CancellationToken cancellation) =>
        ledger.ListDueAsync(kind, before, cursor, cancellation);

    public Task<string?> ReadSweepCursorAsync(CancellationToken cancellation) => ledger.ReadSweepCursorAsync(cancellation);

    public Task WriteSweepCursorAsync(string? cursor, CancellationToken cancellation) => ledger.WriteSweepCursorAsync(cursor, cancellation);
}
