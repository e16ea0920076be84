using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend;

/// <summary>One rotation as the ledger holds it.</summary>
public sealed record Rotation
{
    public required string Thing { get; init; }

    public required string RotationId { get; init; }

    public required string JobId { get; init; }

    /// <summary>Of the job execution, epoch seconds.</summary>
    public required long QueuedAt { get; init; }

    public required long ExecutionNumber { get; init; }

    public required RotationState State { get; init; }

    /// <summary>SHA-256 of the new key's SubjectPublicKeyInfo, lower-case hex.</summary>
    public required string KeyHash { get; init; }

    /// <summary>The certificate that asked for the rotation.</summary>
    public required Certificate Old { get; init; }

    public Certificate? New { get; init; }

    public string? NewPem { get; init; }

    /// <summary>The device sends client tokens; the reference's does not, and may go back to a certificate long after its job.</summary>
    public required bool SpeaksTokens { get; init; }

    /// <summary>While in the future, one invocation is at work on the certificate.</summary>
    public DateTimeOffset LeaseUntil { get; init; }

    /// <summary>The losing certificate is gone, or was found to be none of ours to remove.</summary>
    public bool LoserSettled { get; init; }

    /// <summary>When the job execution came to its end, epoch seconds. A later end of the same job is another execution's.</summary>
    public long? JobEndedAt { get; init; }

    /// <summary>Names the event of that end.</summary>
    public string? JobEnd { get; init; }

    /// <summary>What the old certificate must echo before the rotation ends in its favour: a message queued for hours can't.</summary>
    public string? Nonce { get; init; }

    public DateTimeOffset NonceUntil { get; init; }

    /// <summary>When a certificate may have been made that nobody recorded: whoever asked for it died, or never heard the answer.</summary>
    public UnrecordedWindow? Unrecorded { get; init; }

    /// <summary>Under a grace period: the losing certificate is INACTIVE, and kept so long. Who makes it ACTIVE again takes it back.</summary>
    public DateTimeOffset? LoserKeptUntil { get; init; }

    public required ImmutableArray<Transition> Trail { get; init; }

    /// <summary>Raised by each write; a writer that read an older one loses.</summary>
    public int Version { get; init; }

    /// <summary>The certificate that must go once the rotation is closed.</summary>
    public Certificate? Loser => State switch
    {
        RotationState.ClosedNew => Old,
        RotationState.ClosedOld => New,
        _ => null,
    };

    /// <summary>The certificate that the device can use, as far as the ledger knows: where nobody knows, both are left alone.</summary>
    public Certificate InUse => State is RotationState.Committed or RotationState.ClosedNew ? New! : Old;

    public bool IsClosed => State is RotationState.ClosedNew or RotationState.ClosedOld;

    /// <summary>Something is left to do, or may be: the sweep looks at it, and its record never expires.</summary>
    public bool IsOpen => Unrecorded is not null || State switch
    {
        RotationState.ClosedNew or RotationState.ClosedOld => !LoserSettled,
        RotationState.Abandoned => JobEndedAt is null,
        _ => true,
    };

    public DateTimeOffset? Reached(RotationState state) => Trail.LastOrDefault(t => t.State == state)?.At;

    /// <summary>
    /// In this order they were opened, one after the other: what a later one found in use, and left in use, is what counts. When the executions were queued
    /// says less, since a job may be held back while another runs.
    /// </summary>
    public (DateTimeOffset OpenedAt, long QueuedAt, long ExecutionNumber) Order => (Trail[0].At, QueuedAt, ExecutionNumber);

    /// <param name="principal">The certificate whose message caused it; null for job events and the clock.</param>
    public Rotation To(RotationState state, DateTimeOffset at, string? principal = null) =>
        this with { State = state, Trail = Trail.Add(new Transition(state, at, principal)) };

    /// <summary>When the sweep has a reason to look at it. A certificate that nobody recorded is not kept with the losing one.</summary>
    public DateTimeOffset DueAt => Unrecorded is null && LoserKeptUntil is { } kept ? kept : Trail[^1].At;

    /// <summary>
    /// Whoever held the lease may have had a certificate made and died before recording it. It can't have been later than a lease
    /// lasts after now, since a function that long is dead.
    /// </summary>
    public Rotation Suspecting(DateTimeOffset now) => New is not null
        ? this
        : this with
        {
            Unrecorded = new UnrecordedWindow(
                Trail[0].At,
                Unrecorded?.To > now + TimeSpan.FromMinutes(2) ? Unrecorded.To : now + TimeSpan.FromMinutes(2)),
        };

    /// <summary>
    /// The same for every message of one job execution, another for every other: a job id may be used again, an execution be retried.
    /// </summary>
    public static string IdOf(string thing, JobExecution execution) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            FormattableString.Invariant($"{thing}\n{execution.JobId}\n{execution.QueuedAt}\n{execution.ExecutionNumber}"))))[..32];
}

/// <summary>In which a certificate of the rotation's key may have been made.</summary>
public sealed record UnrecordedWindow(DateTimeOffset From, DateTimeOffset To);

/// <param name="Principal">Null for job events and the clock.</param>
public sealed record Transition(RotationState State, DateTimeOffset At, string? Principal);

/// <summary>
/// <code>
/// Issuing ──► Issued ──► Committed ──► ClosedNew      the old certificate goes
///    │  ▲        │ │          ▲
///    ▼  │        │ └► Reconcile ──► ClosedOld         the new certificate goes
/// Abandoned      └► Frozen
/// </code>
/// Committed never ends in favour of the old certificate. The status of a job alone deletes nothing.
/// </summary>
public enum RotationState
{
    /// <summary>Key and lease are recorded; the certificate may or may not exist.</summary>
    Issuing,

    /// <summary>The lease ran out with no certificate handed to the device.</summary>
    Abandoned,

    /// <summary>The certificate is complete and may have reached the device.</summary>
    Issued,

    /// <summary>The new certificate has authenticated, following the device's decision.</summary>
    Committed,

    /// <summary>The job is over and nobody knows which certificate the device uses, until it says so.</summary>
    Reconcile,

    /// <summary>Two keys asked for one certificate.</summary>
    Frozen,

    ClosedNew,

    ClosedOld,
}
