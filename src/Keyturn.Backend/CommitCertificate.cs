using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// A device says over its new certificate that it stays with it. The ledger's record decides alone: the certificate was issued in
/// this rotation and attached to this thing only, so whoever connects with it is the thing.
/// </summary>
public sealed class CommitCertificate(IRotationLedger ledger, IDeviceChannel channel, TimeProvider clock, ILogger logger)
{
    private readonly Answers _answers = new(channel, logger);

    public async Task<Outcome> HandleAsync(DeviceRequest<CommitRequest> request, CancellationToken cancellation)
    {
        try
        {
            return await DecideAsync(request, cancellation);
        }
        catch (DependencyException exception) when (request.Sender.ClientToken is not null)
        {
            logger.PutOff(request.Sender.Thing, request.Payload?.JobId, request.Payload?.RotationId, exception.Message);
            return await _answers.RefuseAsync(
                request.Sender, request.Payload?.JobId, request.Payload?.RotationId, Refusal.TryAgain(), cancellation);
        }
    }

    private async Task<Outcome> DecideAsync(DeviceRequest<CommitRequest> request, CancellationToken cancellation)
    {
        var (sender, commit, fault) = request;
        if (commit is null)
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.Malformed(fault!), cancellation);
        }

        var verify = commit.Verify == true;
        if (verify && commit is not { RotationId: not null, ClientToken: not null })
        {
            return await _answers.RefuseStrangerAsync(
                sender, commit.JobId, null, Refusal.Malformed("verify needs rotationId and clientToken"), cancellation);
        }

        if (!Identity.IsClientOf(sender.Thing, sender.ClientId) && !(verify && Identity.IsPreflightOf(sender.Thing, sender.ClientId)))
        {
            return await _answers.RefuseStrangerAsync(sender, commit.JobId, commit.RotationId, Refusal.WrongClientId(), cancellation);
        }

        var known = await ledger.ReadAsync(sender.Thing, cancellation);
        var rotation = commit.RotationId is { } rotationId ? known.Find(rotationId) : known.LatestOf(commit.JobId);
        if (rotation?.New is null || rotation.JobId != commit.JobId)
        {
            return await _answers.RefuseStrangerAsync(sender, commit.JobId, commit.RotationId, Refusal.UnknownRotation(), cancellation);
        }

        if (sender.Principal != rotation.New.Id)
        {
            return await RefusePrincipalAsync(sender, rotation, cancellation);
        }

        return verify ? await VerifyAsync(sender, rotation, cancellation) : await CommitAsync(request, rotation, cancellation);
    }

    private async Task<Outcome> CommitAsync(DeviceRequest<CommitRequest> request, Rotation rotation, CancellationToken cancellation)
    {
        var sender = request.Sender;
        switch (rotation.State)
        {
            case RotationState.Issued or RotationState.Reconcile:
                var committed = rotation.To(RotationState.Committed, clock.GetUtcNow(), sender.Principal);
                if (await ledger.TryUpdateAsync(committed, cancellation) is null)
                {
                    // A job event or a copy of this message was faster. States only move on, so this ends.
                    return await DecideAsync(request, cancellation);
                }

                logger.Moved(committed);
                return await AcceptAsync(sender, rotation, cancellation);

            case RotationState.Committed or RotationState.ClosedNew:
                return await AcceptAsync(sender, rotation, cancellation);

            default:
                return await _answers.RefuseAsync(sender, rotation.JobId, rotation.RotationId, RefusalOf(rotation.State), cancellation);
        }
    }

    /// <summary>The device only asks whether its new credential is heard; nothing is decided by it.</summary>
    private Task<Outcome> VerifyAsync(Sender sender, Rotation rotation, CancellationToken cancellation) =>
        rotation.State is RotationState.Issued or RotationState.Reconcile or RotationState.Committed or RotationState.ClosedNew
            ? AcceptAsync(sender, rotation, cancellation)
            : _answers.RefuseAsync(sender, rotation.JobId, rotation.RotationId, RefusalOf(rotation.State), cancellation);

    private Task<Outcome> AcceptAsync(Sender sender, Rotation rotation, CancellationToken cancellation) =>
        _answers.AcceptAsync(
            sender, rotation.JobId, rotation.RotationId, new CommitAccepted(rotation.RotationId, sender.ClientToken),
            ContractsJson.Default.CommitAccepted, cancellation);

    /// <summary>Final, and coded as such, only when the rotation ended in favour of the certificate that asks.</summary>
    private Task<Outcome> RefusePrincipalAsync(Sender sender, Rotation rotation, CancellationToken cancellation)
    {
        if (sender.Principal != rotation.Old.Id)
        {
            return _answers.RefuseStrangerAsync(sender, rotation.JobId, rotation.RotationId, Refusal.NotTheThingsCertificate(), cancellation);
        }

        var refusal = rotation.State is RotationState.ClosedOld or RotationState.Frozen
            ? RefusalOf(rotation.State)
            : Refusal.NotTheNewCertificate();
        return _answers.RefuseAsync(sender, rotation.JobId, rotation.RotationId, refusal, cancellation);
    }

    private static Refusal RefusalOf(RotationState state) => state switch
    {
        RotationState.ClosedOld => Refusal.ClosedInFavourOfOld(),
        RotationState.Frozen => Refusal.Frozen(),
        _ => Refusal.UnknownRotation(),
    };
}
