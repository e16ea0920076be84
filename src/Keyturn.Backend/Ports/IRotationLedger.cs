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
    /// Replaces the rotation if its stored version is still <see cref="Rotation.Version"/>, and raises the version by one.
    /// Null when somebody else was faster.
    /// </summary>
    Task<Rotation?> TryUpdateAsync(Rotation rotation, CancellationToken cancellation);

    /// <summary>Notes why an execution got no certificate, so that the message to the operator can say it. The last one counts.</summary>
    Task RecordRefusalAsync(RecordedRefusal refusal, CancellationToken cancellation);

    /// <summary>
    /// Takes the right to send a message to the operators. False when it was sent before, or another invocation took it and
    /// its time is not up.
    /// </summary>
    Task<bool> TryClaimNoticeAsync(string thing, string noticeId, DateTimeOffset now, DateTimeOffset until, CancellationToken cancellation);

    Task MarkNoticeSentAsync(string thing, string noticeId, CancellationToken cancellation);
}

public enum OpenOutcome
{
    Opened,

    /// <summary>The public key was certified, or asked for, in another rotation.</summary>
    KeyReused,

    /// <summary>Another invocation opened this or another rotation of the thing meanwhile.</summary>
    Conflict,
}

/// <param name="ActiveRotationId">The latest rotation that was opened.</param>
public sealed record ThingLedger(
    string? ActiveRotationId, IReadOnlyList<Rotation> Rotations, IReadOnlyList<RecordedRefusal> Refusals)
{
    public Rotation? Find(string rotationId) => Rotations.FirstOrDefault(r => r.RotationId == rotationId);

    /// <summary>The latest rotation of this job; a job id may be used again and an execution be retried.</summary>
    public Rotation? LatestOf(string jobId, long queuedUntil = long.MaxValue) =>
        Rotations.Where(r => r.JobId == jobId && r.QueuedAt <= queuedUntil).MaxBy(r => (r.QueuedAt, r.ExecutionNumber));

    public RecordedRefusal? LatestRefusalOf(string jobId, long queuedUntil) =>
        Refusals.Where(r => r.JobId == jobId && r.QueuedAt <= queuedUntil).MaxBy(r => (r.QueuedAt, r.ExecutionNumber));

    /// <summary>Issued by us, or the certificate in use when a rotation began.</summary>
    public bool Knows(string certificateId) =>
        Rotations.Any(r => r.Old.Id == certificateId || r.New?.Id == certificateId);
}

/// <param name="QueuedAt">Of the job execution, epoch seconds.</param>
public sealed record RecordedRefusal(
    string Thing, string RotationId, string JobId, long QueuedAt, long ExecutionNumber, string Code, string Reason, string ToDo, string Principal, DateTimeOffset At);
