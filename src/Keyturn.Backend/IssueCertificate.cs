using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// A device asks for a certificate over a new key: it gets one if a job says so, once, and the same again however often it asks.
/// </summary>
public sealed class IssueCertificate(
    IRegistry registry, IJobExecutions jobs, ICertificateIssuer issuer, IRotationLedger ledger, IDeviceChannel channel,
    INotifier notifier, RotationDocument document, TimeProvider clock, ILogger logger, IssueSettings settings)
{
    /// <summary>Longer than a function may run: whoever holds it beyond that is dead.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(50);

    /// <summary>Between the services of AWS, at most; and a time of a job has no milliseconds.</summary>
    private static readonly TimeSpan ClockDifference = TimeSpan.FromSeconds(2);

    private readonly Answers _answers = new(channel, logger);
    private readonly Notices _notices = new(ledger, notifier, clock, logger);
    private readonly EarlierRotations _earlier = new(registry, jobs, ledger, notifier, settings.RetirementGrace, clock, logger);
    private readonly CsrPolicy _policy = settings.AllowedKeys is { } allowed ? new CsrPolicy(allowed) : CsrPolicy.Default;

    public async Task<Outcome> HandleAsync(DeviceRequest<CreateRequest> request, CancellationToken cancellation)
    {
        try
        {
            return await DecideAsync(request, cancellation);
        }
        catch (DependencyException exception) when (request.Sender.ClientToken is not null)
        {
            // The reference's device fails its job on any refusal; for it, the invocation fails instead and is repeated.
            logger.PutOff(request.Sender.Thing, request.Payload?.JobId, null, exception.Message);
            return await _answers.RefuseAsync(request.Sender, request.Payload?.JobId, null, Refusal.TryAgain(), cancellation);
        }
    }

    private async Task<Outcome> DecideAsync(DeviceRequest<CreateRequest> request, CancellationToken cancellation)
    {
        var (sender, create, fault) = request;
        if (create is null)
        {
            return await _answers.RefuseStrangerAsync(sender, null, null, Refusal.Malformed(fault!), cancellation);
        }

        if (!Identity.IsClientOf(sender.Thing, sender.ClientId))
        {
            return await _answers.RefuseStrangerAsync(sender, create.JobId, null, Refusal.WrongClientId(), cancellation);
        }

        if (!Identity.IsCertificateId(sender.Principal))
        {
            return await _answers.RefuseStrangerAsync(sender, create.JobId, null, Refusal.NotTheThingsCertificate(), cancellation);
        }

        // Before the look at the job: if it ends after that look, opening a rotation fails on what was read here.
        var known = await ledger.ReadAsync(sender.Thing, cancellation);
        var execution = await jobs.FindAsync(sender.Thing, create.JobId, cancellation);
        if (execution is not { Status: JobExecution.InProgress } || !document.Is(execution.Document))
        {
            return await _answers.RefuseStrangerAsync(sender, create.JobId, null, Refusal.JobNotInProgress(), cancellation);
        }

        var rotationId = Rotation.IdOf(sender.Thing, execution);
        var certificates = await registry.ListCertificatesAsync(sender.Thing, cancellation);
        if (certificates.FirstOrDefault(c => c.Certificate.Id == sender.Principal) is not { } inUse)
        {
            return await _answers.RefuseStrangerAsync(sender, create.JobId, null, Refusal.NotTheThingsCertificate(), cancellation);
        }

        if (IsOfAnother(request, execution, rotationId))
        {
            return await _answers.RefuseStrangerAsync(sender, create.JobId, create.RotationId, Refusal.JobNotInProgress(), cancellation);
        }

        var attempt = new Attempt(
            request, execution, rotationId, certificates, inUse.Certificate, known.Refusals.FirstOrDefault(r => r.RotationId == rotationId)?.JobEnd);
        if (!inUse.IsExclusive)
        {
            return await RefuseAsync(attempt, Refusal.NotExclusive(), cancellation);
        }

        if (_policy.Check(create.Csr, sender.Thing, out var csrFault) is not { } csr)
        {
            return await RefuseAsync(attempt, Refusal.Csr(csrFault), cancellation);
        }

        // Mostly a request of an earlier execution, under way for minutes. It settles nothing, it is no second key, and not why this execution fails
        // unless it says that it is of this one.
        if (known.Rotations.Any(r => r.RotationId != rotationId && r.KeyHash == csr.KeyHash))
        {
            return create.ExecutionNumber is null
                ? await _answers.RefuseStrangerAsync(sender, create.JobId, rotationId, Refusal.KeyReused(), cancellation)
                : await RefuseAsync(attempt, Refusal.KeyReused(), cancellation);
        }

        return known.Find(rotationId) is { } rotation
            ? await ResumeAsync(attempt, rotation, csr, cancellation)
            : await BeginAsync(attempt, known, csr, cancellation);
    }

    /// <summary>
    /// Of an execution before this one: a retry begins within a second of the end before it, and a request may be under way, and be repeated by Lambda, for
    /// minutes. Taken for one of this execution it would be a second key. What the device says is exact; for the reference's, which says nothing, time tells.
    /// </summary>
    private static bool IsOfAnother(DeviceRequest<CreateRequest> request, JobExecution execution, string rotationId) =>
        (request.Payload!.RotationId is { } named && named != rotationId)
        || (request.Payload.ExecutionNumber is { } number && number != execution.ExecutionNumber)
        || request.Sender.ReceivedAt < DateTimeOffset.FromUnixTimeSeconds(execution.QueuedAt).Subtract(ClockDifference).ToUnixTimeMilliseconds();

    /// <summary>The first request of this rotation: reserve it, or say why not.</summary>
    private async Task<Outcome> BeginAsync(Attempt attempt, ThingLedger known, CheckedCsr csr, CancellationToken cancellation)
    {
        if (!csr.SubjectIsFree
            && (await registry.FindCertificateAsync(attempt.InUse.Id, cancellation) is not { } current || !csr.HasSubjectOf(current.Pem)))
        {
            return await RefuseAsync(attempt, Refusal.Csr("its subject is not that of the certificate in use"), cancellation);
        }

        if (await _earlier.SettleAsync(attempt, known, cancellation) is { } refusal)
        {
            return await RefuseAsync(attempt, refusal, cancellation);
        }

        var now = clock.GetUtcNow();
        var rotation = new Rotation
        {
            Thing = attempt.Sender.Thing,
            RotationId = attempt.RotationId,
            JobId = attempt.Execution.JobId,
            QueuedAt = attempt.Execution.QueuedAt,
            ExecutionNumber = attempt.Execution.ExecutionNumber,
            State = RotationState.Issuing,
            KeyHash = csr.KeyHash,
            Old = attempt.InUse,
            SpeaksTokens = attempt.Sender.ClientToken is not null,
            LeaseUntil = now + Lease,
            Trail = [new Transition(RotationState.Issuing, now, attempt.InUse.Id)],
        };
        switch (await ledger.OpenAsync(rotation, known.ActiveRotationId, cancellation))
        {
            case OpenOutcome.Opened:
                logger.Moved(rotation);
                return await CompleteAsync(attempt, rotation, csr, cancellation);
            case OpenOutcome.KeyReused:
                return await RefuseAsync(attempt, Refusal.KeyReused(), cancellation);
            default:
                // A copy of this request was faster, or the end of another execution was heard. Each such turn is another's step, so this ends.
                return await DecideAsync(attempt.Request, cancellation);
        }
    }

    /// <summary>A request of a rotation that the ledger knows: a retry, a duplicate, or somebody else's.</summary>
    private async Task<Outcome> ResumeAsync(Attempt attempt, Rotation rotation, CheckedCsr csr, CancellationToken cancellation)
    {
        var sender = attempt.Sender;
        if (rotation.Old.Id != attempt.InUse.Id)
        {
            return await _answers.RefuseAsync(sender, rotation.JobId, rotation.RotationId, Refusal.NotTheRotationsCertificate(), cancellation);
        }

        if (rotation.KeyHash != csr.KeyHash)
        {
            return await RefuseSecondKeyAsync(attempt, rotation, cancellation);
        }

        switch (rotation.State)
        {
            case RotationState.Issued:
                return await AnswerAsync(sender, rotation, cancellation);

            case RotationState.Issuing or RotationState.Abandoned when rotation.LeaseUntil <= clock.GetUtcNow():
                // Whoever held the lease before may have had a certificate made. An Abandoned one is suspected already.
                var leased = rotation.State == RotationState.Issuing
                    ? rotation.Suspecting(clock.GetUtcNow())
                    : rotation.To(RotationState.Issuing, clock.GetUtcNow(), attempt.InUse.Id);
                if (await ledger.TryUpdateAsync(leased with { LeaseUntil = clock.GetUtcNow() + Lease }, cancellation) is { } held)
                {
                    return await CompleteAsync(attempt, held, csr, cancellation);
                }

                break;

            case RotationState.Frozen:
                return await FreezeAsync(attempt, rotation, cancellation);
        }

        // Issuing: another invocation will answer. Further on: the device has had its answer, this is a late copy.
        logger.LeftToAnother(rotation.Thing, rotation.JobId, rotation.RotationId);
        return Outcome.Silent;
    }

    /// <summary>Every step may be repeated by whoever holds the lease next.</summary>
    private async Task<Outcome> CompleteAsync(Attempt attempt, Rotation rotation, CheckedCsr csr, CancellationToken cancellation)
    {
        var held = rotation;
        try
        {
            if (held.New is null)
            {
                var issued = await issuer.IssueAsync(new IssueOrder(held.Thing, held.RotationId, csr.Pem), cancellation);
                if (issued is IssueOutcome.Refused refused)
                {
                    await ledger.TryUpdateAsync(held.To(RotationState.Abandoned, clock.GetUtcNow()) with { LeaseUntil = default }, cancellation);
                    return await RefuseAsync(attempt, Refusal.NotSigned(refused.Reason), cancellation);
                }

                var (certificate, pem) = (IssueOutcome.Issued)issued;
                if (await RecordAsync(held, certificate, pem, cancellation) is not { } recorded)
                {
                    // The lease went to another, or the job ended, while the authority was slow.
                    logger.LeftToAnother(held.Thing, held.JobId, held.RotationId);
                    return Outcome.Silent;
                }

                held = recorded;
                logger.Issued(held.Thing, held.JobId, held.RotationId, certificate.Id);
            }

            foreach (var policy in await registry.ListPoliciesAsync(held.Old, cancellation))
            {
                await registry.AttachPolicyAsync(policy, held.New!, cancellation);
            }

            await registry.AttachExclusivelyAsync(held.Thing, held.New!, cancellation);
            var complete = held.To(RotationState.Issued, clock.GetUtcNow(), attempt.InUse.Id) with { LeaseUntil = default };
            if (await ledger.TryUpdateAsync(complete, cancellation) is not { } stored)
            {
                logger.LeftToAnother(held.Thing, held.JobId, held.RotationId);
                return Outcome.Silent;
            }

            logger.Moved(stored);
            held = stored;
        }
        catch (DependencyException)
        {
            await ReleaseAsync(held, cancellation);
            throw;
        }

        return await AnswerAsync(attempt.Sender, held, cancellation);
    }

    /// <summary>A certificate that the ledger does not know of must not stay active: nobody would ever retire it.</summary>
    private async Task<Rotation?> RecordAsync(Rotation held, Certificate certificate, string pem, CancellationToken cancellation)
    {
        try
        {
            if (await ledger.TryUpdateAsync(held with { New = certificate, NewPem = pem }, cancellation) is { } recorded)
            {
                return recorded;
            }
        }
        catch (DependencyException)
        {
            await DropUnrecordedAsync(held, certificate, cancellation);
            throw;
        }

        await DropUnrecordedAsync(held, certificate, cancellation);
        return null;
    }

    private async Task DropUnrecordedAsync(Rotation held, Certificate certificate, CancellationToken cancellation)
    {
        try
        {
            // The write that failed may have been carried out.
            if (!(await ledger.ReadAsync(held.Thing, cancellation)).Knows(certificate.Id))
            {
                await registry.DeactivateAsync(certificate, cancellation);
            }
        }
        catch (DependencyException exception)
        {
            logger.PutOff(held.Thing, held.JobId, held.RotationId, exception.Message);
        }
    }

    private Task<Outcome> AnswerAsync(Sender sender, Rotation rotation, CancellationToken cancellation) =>
        _answers.AcceptAsync(
            sender, rotation.JobId, rotation.RotationId,
            new CreateAccepted(rotation.NewPem!, rotation.New!.Id, rotation.RotationId, sender.ClientToken),
            ContractsJson.Default.CreateAccepted, cancellation);

    private async Task ReleaseAsync(Rotation held, CancellationToken cancellation)
    {
        try
        {
            await ledger.TryUpdateAsync(held.Suspecting(clock.GetUtcNow()) with { LeaseUntil = default }, cancellation);
        }
        catch (DependencyException exception)
        {
            logger.PutOff(held.Thing, held.JobId, held.RotationId, exception.Message);
        }
    }

    private async Task<Outcome> RefuseSecondKeyAsync(Attempt attempt, Rotation rotation, CancellationToken cancellation)
    {
        if (rotation.State is RotationState.Issuing or RotationState.Abandoned or RotationState.Issued)
        {
            var freezing = rotation.To(RotationState.Frozen, clock.GetUtcNow(), attempt.InUse.Id).Suspecting(clock.GetUtcNow());
            if (await ledger.TryUpdateAsync(freezing, cancellation) is not { } frozen)
            {
                logger.LeftToAnother(rotation.Thing, rotation.JobId, rotation.RotationId);
                return Outcome.Silent;
            }

            logger.Moved(frozen);
            return await FreezeAsync(attempt, frozen, cancellation);
        }

        if (rotation.State == RotationState.Frozen)
        {
            return await FreezeAsync(attempt, rotation, cancellation);
        }

        return await RefuseAsync(attempt, await _notices.OldAfterCommitAsync(rotation, cancellation), cancellation);
    }

    private async Task<Outcome> FreezeAsync(Attempt attempt, Rotation rotation, CancellationToken cancellation)
    {
        var refusal = Refusal.Frozen();
        await _notices.SendOnceAsync(
            NoticeIds.Of(rotation),
            new Notice(NoticeKind.Alarm, rotation.Thing, rotation.JobId, rotation.RotationId, "create", refusal.Code, refusal.Reason,
                rotation.Old.Id, refusal.ToDo),
            cancellation);
        return await RefuseAsync(attempt, refusal, cancellation);
    }

    /// <summary>To the thing itself, about a job of its own: kept for the message that follows when the job fails of it.</summary>
    private async Task<Outcome> RefuseAsync(Attempt attempt, Refusal refusal, CancellationToken cancellation)
    {
        var (sender, execution) = (attempt.Sender, attempt.Execution);
        await ledger.RecordRefusalAsync(
            new RecordedRefusal(sender.Thing, attempt.RotationId, execution.JobId, execution.QueuedAt, execution.ExecutionNumber,
                refusal.Code, refusal.Reason, refusal.ToDo, sender.Principal, clock.GetUtcNow(), attempt.JobEnd),
            cancellation);
        return await _answers.RefuseAsync(sender, execution.JobId, attempt.RotationId, refusal, cancellation);
    }
}

/// <param name="RetirementGrace">How long a retired certificate is kept INACTIVE before it is detached and deleted.</param>
/// <param name="AllowedKeys">The kinds of key that may be certified; null: all.</param>
public sealed record IssueSettings(TimeSpan RetirementGrace = default, IReadOnlyCollection<KeyAlgorithm>? AllowedKeys = null);

/// <summary>A request whose sender and job are established.</summary>
/// <param name="Certificates">All that are attached to the thing.</param>
/// <param name="InUse">The one the request came with.</param>
/// <param name="JobEnd">Of the event that an earlier refusal of this execution was told for: it stays told.</param>
internal sealed record Attempt(
    DeviceRequest<CreateRequest> Request, JobExecution Execution, string RotationId, IReadOnlyList<ThingCertificate> Certificates, Certificate InUse,
    string? JobEnd)
{
    public Sender Sender => Request.Sender;
}
