using System.Security.Cryptography;
using System.Text;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// A device says which certificate it holds, over that certificate: at its start, after each rotation and daily. Where a rotation was
/// left open, this is what ends it.
/// </summary>
public sealed class ReconcileCertificate(
    IRegistry registry, IJobExecutions jobs, IRotationLedger ledger, IDeviceChannel channel, INotifier notifier, TimeProvider clock, ILogger logger,
    TimeSpan grace = default)
{
    private static readonly TimeSpan NonceLife = TimeSpan.FromMinutes(5);

    /// <summary>A device that attests again and again costs no write each time.</summary>
    private static readonly TimeSpan HeardAgain = TimeSpan.FromHours(1);

    private readonly Answers _answers = new(channel, logger);
    private readonly Notices _notices = new(ledger, notifier, clock, logger);
    private readonly Retirement _retirement = new(registry, ledger, notifier, grace, clock, logger);
    private readonly UnheardEnds _ends = new(jobs, new CloseRotation(registry, ledger, notifier, clock, logger, grace), clock);

    public async Task<Outcome> HandleAsync(DeviceRequest<AttestRequest> request, CancellationToken cancellation)
    {
        try
        {
            return await DecideAsync(request, cancellation);
        }
        catch (DependencyException exception)
        {
            logger.PutOff(request.Sender.Thing, null, null, exception.Message);
            return await _answers.RefuseAsync(request.Sender, null, null, Refusal.TryAgain(), cancellation);
        }
    }

    private async Task<Outcome> DecideAsync(DeviceRequest<AttestRequest> request, CancellationToken cancellation)
    {
        var (sender, attest, fault) = request;
        if (attest is null)
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.Malformed(fault!), cancellation);
        }

        if (!Identity.IsClientOf(sender.Thing, sender.ClientId))
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.WrongClientId(), cancellation);
        }

        if (!Identity.IsCertificateId(sender.Principal))
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.NotTheThingsCertificate(), cancellation);
        }

        if (attest.CertificateId != sender.Principal)
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.NotTheAttestedCertificate(), cancellation);
        }

        var known = await ledger.ReadAsync(sender.Thing, cancellation);
        if (known.Rotations.FirstOrDefault(r => r.State == RotationState.Committed && r.Old.Id == sender.Principal) is { } committed)
        {
            // What was under way since before the commit is no alarm: only who answers now is.
            return Echoes(attest, committed)
                ? await _answers.RefuseAsync(
                    sender, committed.JobId, committed.RotationId, await _notices.OldAfterCommitAsync(committed, cancellation), cancellation)
                : await AcceptAsync(sender, attest, await ChallengeAsync(committed, clock.GetUtcNow(), cancellation), cancellation);
        }

        // A device that attests is at rest: a rotation of it that was never decided is over.
        if (await _ends.EndAsync(known.Rotations.Where(r => r.State is RotationState.Issuing or RotationState.Abandoned or RotationState.Issued), cancellation))
        {
            known = await ledger.ReadAsync(sender.Thing, cancellation);
        }

        Rotation[] due = [.. known.Rotations.Where(r => IsDue(r, sender.Principal))];
        if (due.Length == 0
            && known.Rotations.Any(r => r.New?.Id == sender.Principal && r.State is RotationState.Committed or RotationState.ClosedNew)
            && !known.Rotations.Any(r => r.Loser?.Id == sender.Principal))
        {
            // Nothing to decide, and the ledger knows the certificate for the thing's own.
            return await HearAsync(sender, attest, known.Heard, cancellation);
        }

        var attached = await registry.ListCertificatesAsync(sender.Thing, cancellation);
        if (attached.FirstOrDefault(c => c.Certificate.Id == sender.Principal) is not { } inUse)
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.NotTheThingsCertificate(), cancellation);
        }

        if (!inUse.IsExclusive)
        {
            return await _answers.RefuseAsync(sender, null, null, Refusal.NotExclusive(), cancellation);
        }

        if (due.Length > 0 && await _retirement.FaultOfWinnerAsync(inUse.Certificate, attached, null, cancellation) is { } inactive)
        {
            // A connection may outlive its certificate by minutes.
            await _notices.NotRetiredAsync(due[0], inactive, cancellation);
            return await _answers.RefuseAsync(sender, null, null, Refusal.NotActive(), cancellation);
        }

        foreach (var rotation in due)
        {
            if (await SettleAsync(rotation, attest, attached, cancellation) is { } nonce)
            {
                return await AcceptAsync(sender, attest, nonce, cancellation);
            }
        }

        return await HearAsync(sender, attest, known.Heard, cancellation);
    }

    private async Task<Outcome> HearAsync(Sender sender, AttestRequest attest, HeardDevice? before, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (before is null || before.IsSilent || before.CertificateId != attest.CertificateId || now - before.At > HeardAgain)
        {
            await ledger.RecordHeardAsync(
                new HeardDevice(sender.Thing, now, attest.CertificateId, attest.Component, attest.KeyStore, attest.NotAfter), cancellation);
        }

        return await AcceptAsync(sender, attest, null, cancellation);
    }

    private bool IsDue(Rotation rotation, string principal) => rotation.State switch
    {
        RotationState.Reconcile => principal == rotation.New!.Id || principal == rotation.Old.Id,
        RotationState.Committed => principal == rotation.New!.Id && EndIsOverdue(rotation),
        RotationState.ClosedNew or RotationState.ClosedOld =>
            rotation is { LoserSettled: false, Loser: { } loser } && loser.Id != principal && EndIsOverdue(rotation),
        _ => false,
    };

    private bool EndIsOverdue(Rotation rotation) =>
        (rotation.JobEndedAt is not null && rotation.State == RotationState.Committed)
        || clock.GetUtcNow() - rotation.Trail[^1].At > UnheardEnds.Patience;

    /// <returns>A nonce that the old certificate must echo first.</returns>
    private async Task<string?> SettleAsync(
        Rotation rotation, AttestRequest attest, IReadOnlyList<ThingCertificate> attached, CancellationToken cancellation)
    {
        var closed = rotation;
        if (!rotation.IsClosed)
        {
            var now = clock.GetUtcNow();
            var winner = attest.CertificateId == rotation.New!.Id ? RotationState.ClosedNew : RotationState.ClosedOld;
            if (winner == RotationState.ClosedOld && !Echoes(attest, rotation))
            {
                return await ChallengeAsync(rotation, now, cancellation);
            }

            var stored = await ledger.TryUpdateAsync(rotation.To(winner, now, attest.CertificateId) with { Nonce = null }, cancellation)
                ?? throw DependencyException.Overtaken();
            logger.Moved(stored);
            closed = stored;
        }

        // No function that a device's message reaches may delete: that is done when the next rotation ends, or by the sweep.
        var loser = closed.Loser!;
        if (attached.Any(c => c.Certificate.Id == loser.Id))
        {
            (closed, var exists) = await _retirement.DeactivateAsync(closed, loser, cancellation);
            if (exists && closed.LoserKeptUntil is null)
            {
                await registry.DetachAsync(closed.Thing, loser, cancellation);
            }
        }

        return null;
    }

    private bool Echoes(AttestRequest attest, Rotation rotation) =>
        attest.Nonce is not null && attest.Nonce == rotation.Nonce && clock.GetUtcNow() <= rotation.NonceUntil;

    private async Task<string> ChallengeAsync(Rotation rotation, DateTimeOffset now, CancellationToken cancellation)
    {
        var nonce = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            FormattableString.Invariant($"{rotation.RotationId}\n{rotation.Version}\n{now.UtcTicks}"))))[..32];
        _ = await ledger.TryUpdateAsync(rotation with { Nonce = nonce, NonceUntil = now + NonceLife }, cancellation) ?? throw DependencyException.Overtaken();
        return nonce;
    }

    private Task<Outcome> AcceptAsync(Sender sender, AttestRequest attest, string? nonce, CancellationToken cancellation) =>
        _answers.AcceptAsync(
            sender, null, null, new AttestAccepted(attest.ClientToken, nonce), ContractsJson.Default.AttestAccepted, cancellation);
}
