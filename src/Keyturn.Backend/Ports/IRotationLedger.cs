namespace Keyturn.Backend.Ports;

/// <summary>The backend's own record of every rotation, which no device can write. All writes are conditional, all reads consistent.</summary>
public interface IRotationLedger
{
    /// <summary>All that is known of one thing.</summary>
    Task<ThingLedger> ReadAsync(string thing, CancellationToken cancellation);

    /// <summary>
    /// In one transaction: the rotation, which must be new; its key hash, which must never have been seen, on any thing; and
    /// the thing's active rotation, which must still be <paramref name="superseded"/> (null: none).
    /// </summary>
    Task<OpenOutcome> OpenAsync(Rotation rotation, string? superseded, CancellationToken cancellation);

    /// <summary>
    /// A job of the thing ended without a rotation: whoever has read the ledger before opens none any more. False when one was opened,
    /// or another job ended, since <paramref name="superseded"/> was read.
    /// </summary>
    /// <param name="jobEnd">Names the end; the same for every copy of its event.</param>
    Task<bool> TryCloseUnopenedAsync(string thing, string? superseded, string jobEnd, CancellationToken cancellation);

    /// <summary>
    /// Replaces the rotation if its stored version is still <see cref="Rotation.Version"/>, and raises the version by one.
    /// Null when somebody else was faster.
    /// </summary>
    Task<Rotation?> TryUpdateAsync(Rotation rotation, CancellationToken cancellation);

    /// <summary>Notes why an execution got no certificate, so that the message to the operator can say it. The last one counts.</summary>
    Task RecordRefusalAsync(RecordedRefusal refusal, CancellationToken cancellation);

    /// <summary>
    /// Takes the right to send a message to the operators, if it was not sent before and no other invocation has the right, or its
    /// time is up.
    /// </summary>
    Task<NoticeClaim> TryClaimNoticeAsync(string thing, string noticeId, DateTimeOffset now, DateTimeOffset until, CancellationToken cancellation);

    Task MarkNoticeSentAsync(string thing, string noticeId, CancellationToken cancellation);

    /// <summary>Replaces what was known of the device. One that is <see cref="HeardDevice.IsSilent"/> is no longer listed as due.</summary>
    Task RecordHeardAsync(HeardDevice device, CancellationToken cancellation);

    /// <summary>
    /// One page of things, the longest waiting first: with an open rotation whose last step, or last heard of, before a moment.
    /// Read from an index, so perhaps a moment late: <see cref="ReadAsync"/> has the last word.
    /// </summary>
    /// <param name="cursor">Of the page before; null for the first.</param>
    Task<DuePage> ListDueAsync(DueKind kind, DateTimeOffset before, string? cursor, CancellationToken cancellation);

    /// <summary>Where the last sweep of open rotations ran out of time; null: it came to their end.</summary>
    Task<string?> ReadSweepCursorAsync(CancellationToken cancellation);

    Task WriteSweepCursorAsync(string? cursor, CancellationToken cancellation);
}

public enum OpenOutcome
{
    Opened,

    /// <summary>The public key was certified, or asked for, in another rotation.</summary>
    KeyReused,

    /// <summary>Another invocation opened this or another rotation of the thing meanwhile.</summary>
    Conflict,
}

public enum DueKind
{
    OpenRotation,
    Heard,
}

/// <param name="Cursor">For the next page; null after the last.</param>
public sealed record DuePage(IReadOnlyList<string> Things, string? Cursor);

/// <summary>What a device said of itself when it was last heard at rest.</summary>
/// <param name="NotAfter">End of its certificate's validity, epoch seconds.</param>
/// <param name="IsSilent">The operators were told that it is not heard any more.</param>
public sealed record HeardDevice(
    string Thing, DateTimeOffset At, string CertificateId, string Component, string KeyStore, long NotAfter, bool IsSilent = false);

/// <param name="ActiveRotationId">The latest rotation that was opened, or the end of a job that came without one.</param>
/// <param name="Heard">Null for a device that never attested: the reference's does not.</param>
public sealed record ThingLedger(
    string? ActiveRotationId, IReadOnlyList<Rotation> Rotations, IReadOnlyList<RecordedRefusal> Refusals, HeardDevice? Heard = null)
{
    /// <summary>When any message of the device last changed something here; null: never.</summary>
    public DateTimeOffset? LastHeard => Rotations
        .SelectMany(r => r.Trail).Where(t => t.Principal is not null).Select(t => (DateTimeOffset?)t.At)
        .Concat(Refusals.Select(r => (DateTimeOffset?)r.At))
        .Append(Heard?.At)
        .Max();

    public Rotation? Find(string rotationId) => Rotations.FirstOrDefault(r => r.RotationId == rotationId);

    /// <summary>The one that was opened last.</summary>
    public Rotation? Latest => Rotations.MaxBy(r => r.Order);

    /// <summary>The latest rotation of this job; a job id may be used again and an execution be retried.</summary>
    public Rotation? LatestOf(string jobId) => Rotations.Where(r => r.JobId == jobId).MaxBy(r => r.Order);

    /// <summary>The latest rotation of which this can be the end.</summary>
    public Rotation? EndedBy(JobEvent job) => Rotations.FirstOrDefault(r => r.JobEnd == NoticeIds.Of(job)) ?? Rotations
        .Where(r => r.JobId == job.JobId && (r.QueuedAt < job.At || (r.QueuedAt == job.At && !CanBeRetry(job, r.ExecutionNumber, r.RotationId))))
        .MaxBy(r => r.Order);

    /// <summary>The latest execution without a rotation of which this can be the end.</summary>
    public RecordedRefusal? RefusedBefore(JobEvent job)
    {
        var end = NoticeIds.Of(job);
        // One that was refused at first and served then has a rotation.
        var refused = Refusals.Where(r => r.JobId == job.JobId && r.QueuedAt <= job.At && Find(r.RotationId) is null)
            .OrderBy(r => (r.QueuedAt, r.ExecutionNumber)).ToList();
        var heard = Rotations.Where(r => r.JobId == job.JobId && r.JobEnd is { } other && other != end).Select(r => (r.QueuedAt, r.ExecutionNumber))
            .Concat(refused.Where(r => r.JobEnd is not null).Select(r => (r.QueuedAt, r.ExecutionNumber))).ToList();
        return refused.LastOrDefault(r => r.JobEnd == end)
            ?? (ActiveRotationId == end || Rotations.Any(r => r.JobEnd == end) ? null : refused.LastOrDefault(r => r.JobEnd is null && (r.QueuedAt < job.At || !CanBeRetry(job, r.ExecutionNumber, r.RotationId) || IsNext(r))));

        // The ends of the executions before it have been heard, so this one is its own.
        bool IsNext(RecordedRefusal refusal) => heard.Any(h => h.CompareTo((refusal.QueuedAt, refusal.ExecutionNumber)) < 0)
            && refused.First(r => r.JobEnd is null) == refusal;
    }

    /// <summary>
    /// An execution that is retried is queued again in the second in which it ended, and the event has no number: what was queued in the
    /// second of an end may be the retry of what ended.
    /// </summary>
    private static bool CanBeRetry(JobEvent job, long executionNumber, string rotationId) =>
        executionNumber > 1 && !job.Succeeded && job.RotationId != rotationId;

    /// <summary>Another rotation of the thing was opened since, or one closed without any.</summary>
    public bool IsLaterThan(ThingLedger before) => ActiveRotationId != before.ActiveRotationId;

    /// <summary>Issued by us, or the certificate in use when a rotation began.</summary>
    public bool Knows(string certificateId) =>
        Rotations.Any(r => r.Old.Id == certificateId || r.New?.Id == certificateId);
}

/// <param name="QueuedAt">Of the job execution, epoch seconds.</param>
/// <param name="JobEnd">Names the event of its end, once it was heard. Any other end of the same job is another execution's.</param>
public sealed record RecordedRefusal(
    string Thing, string RotationId, string JobId, long QueuedAt, long ExecutionNumber, string Code, string Reason, string ToDo, string Principal,
    DateTimeOffset At, string? JobEnd = null);
