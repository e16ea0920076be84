namespace Keyturn.Device.Rotation;

/// <summary>What a timer was set for.</summary>
internal enum Alarm
{
    /// <summary>Ask for the next job, in case a notification was lost.</summary>
    Poll,

    /// <summary>Say again which certificate is in use.</summary>
    Attest,

    /// <summary>The job's time is nearly over.</summary>
    Deadline,

    /// <summary>The trial has not been answered for long: compare both credentials.</summary>
    Evidence,

    /// <summary>Try the effect that failed again.</summary>
    Retry,

    /// <summary>The nucleus has not come up since the switch: the watchdog's word, outside Greengrass.</summary>
    Overdue,

    /// <summary>The old credential was kept for another hour.</summary>
    KeptAnHour,
}

internal enum PreflightOutcome
{
    Passed,
    Refused,
    Inconclusive,
}

/// <summary>What a probe of one credential found.</summary>
internal enum ProbeResult
{
    Accepted,
    Failed,
}

/// <summary>Everything that can happen to a rotation.</summary>
internal abstract record RotationEvent
{
    private RotationEvent()
    {
    }

    /// <summary>The component has started, in this session of the nucleus; or it goes on, and the nucleus was restarted beside it.</summary>
    public sealed record Restarted(string Session) : RotationEvent;

    /// <summary>The Jobs service says that the queue has another head.</summary>
    public sealed record QueueChanged : RotationEvent;

    public sealed record NextJobSeen(JobExecution? Job) : RotationEvent;

    /// <param name="Job">Nothing when it is over, or the service does not know it any more.</param>
    public sealed record JobSeen(JobExecution? Job) : RotationEvent;

    public sealed record UpdateAccepted(int Version) : RotationEvent;

    public sealed record UpdateRefused(string Code, JobExecutionState? Actual) : RotationEvent;

    /// <summary>A <see cref="RotationEffect.Tell"/> was answered, perhaps long after.</summary>
    /// <param name="Version">The execution's version now.</param>
    /// <param name="IsShown">It was written down; otherwise another version was expected, that of a write of ours whose answer was lost.</param>
    public sealed record StepNoted(int Version, bool IsShown) : RotationEvent;

    public sealed record Prepared(string Old, string New) : RotationEvent;

    public sealed record PreparationFailed(string Reason) : RotationEvent;

    public sealed record Certified(string CertificatePem, string? RotationId, bool CarriedToken) : RotationEvent;

    public sealed record CreateRefused(Refusal Refusal) : RotationEvent;

    public sealed record CertificateStored(string CertificateId) : RotationEvent;

    public sealed record CertificateUnfit(string Reason) : RotationEvent;

    public sealed record PreflightDone(PreflightOutcome Outcome, string? Note) : RotationEvent;

    public sealed record NoDeployment : RotationEvent;

    public sealed record Switched(string Session) : RotationEvent;

    public sealed record SwitchFailed(string Reason) : RotationEvent;

    public sealed record RestartFailed(string Reason) : RotationEvent;

    public sealed record CommitAccepted : RotationEvent;

    /// <param name="IsRepeated">An earlier commit of this state went unanswered: it may have been carried out.</param>
    public sealed record CommitRefused(Refusal Refusal, bool IsRepeated) : RotationEvent;

    public sealed record AttestAccepted(string? Nonce) : RotationEvent;

    public sealed record AttestRefused(Refusal Refusal) : RotationEvent;

    public sealed record CredentialRemoved : RotationEvent;

    /// <summary>One round of evidence: the old credential before, the new one, the old one after.</summary>
    /// <param name="IsStranded">The nucleus has no session, and the cloud was reached with its own client id and refused both credentials.</param>
    public sealed record Compared(ProbeResult OldBefore, ProbeResult New, ProbeResult OldAfter, bool IsStranded = false) : RotationEvent;

    public sealed record AlarmRang(Alarm Alarm) : RotationEvent;
}
