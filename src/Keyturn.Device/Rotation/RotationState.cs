using System.Text.Json.Serialization;

namespace Keyturn.Device.Rotation;

/// <summary>
/// The rotation under way: which job execution asked for it, and which two credentials it is between.
/// </summary>
/// <param name="Old">Name of the credential in use before, in the store.</param>
/// <param name="New">Name of the credential that this rotation makes.</param>
/// <param name="RotationId">The backend's name for it; the reference backend gives none.</param>
/// <param name="AnswersTokens">An answer has carried our clientToken: the backend is ours.</param>
/// <param name="Note">Something worth telling the operator with the result.</param>
internal sealed record CurrentRotation(
    string JobId, long ExecutionNumber, long QueuedAt, int Version, string Old, string New,
    string? RotationId = null, string? CertificateId = null, bool AnswersTokens = false, string? Note = null)
{
    public bool Is(JobExecution execution) =>
        execution.JobId == JobId && execution.Number == ExecutionNumber && execution.QueuedAt == QueuedAt;
}

/// <summary>What an aborting rotation still has to do.</summary>
internal enum AbortStage
{
    /// <summary>The nucleus never saw the new credential: destroy it.</summary>
    Discard,

    /// <summary>Put the old credential back in place.</summary>
    Restore,

    /// <summary>The old one is in place; the nucleus has to read it.</summary>
    Return,

    /// <summary>Tell the Jobs service.</summary>
    Report,
}

/// <summary>Old and new credential are put in place by turns, since for long neither one got the device connected.</summary>
/// <param name="Turn">How often they changed places; each turn is twice as long as the one before, up to a day.</param>
/// <param name="IsCommitted">The backend had said that the new one stays: it is not asked again.</param>
/// <param name="KeepOld">As in <see cref="RotationState.Committed"/>.</param>
/// <param name="OldWasHeard">The cloud answered over the old credential in its last turn.</param>
/// <param name="CommitWasSent">It may have been accepted unheard.</param>
internal sealed record Alternation(int Turn = 0, bool IsCommitted = false, bool KeepOld = false, bool OldWasHeard = false, bool CommitWasSent = false);

/// <summary>Where a rotation stands. All but <see cref="Starting"/> are journalled; <see cref="RotationMachine"/> says what each one means.</summary>
[JsonDerivedType(typeof(Idle), "Idle")]
[JsonDerivedType(typeof(Keyed), "Keyed")]
[JsonDerivedType(typeof(Issued), "Issued")]
[JsonDerivedType(typeof(Proven), "Proven")]
[JsonDerivedType(typeof(Switching), "Switching")]
[JsonDerivedType(typeof(Trial), "Trial")]
[JsonDerivedType(typeof(Committing), "Committing")]
[JsonDerivedType(typeof(Committed), "Committed")]
[JsonDerivedType(typeof(Stranded), "Stranded")]
[JsonDerivedType(typeof(Aborting), "Aborting")]
internal abstract record RotationState
{
    private RotationState()
    {
    }

    /// <param name="AnswersTokens">The backend echoes clientTokens, as ours does and the reference's does not.</param>
    /// <param name="KeptLongEnough">An old credential, kept because the backend can't be asked, may go after the next answer of the cloud.</param>
    /// <param name="HoursKept">How many of a day's hours it was kept already: starts of the component and of the machine don't begin the day anew.</param>
    public sealed record Idle(bool AnswersTokens = false, string? LastOutcome = null, bool KeptLongEnough = false, int HoursKept = 0) : RotationState;

    /// <summary>A job was taken; nothing exists that a restart would have to know of.</summary>
    public sealed record Starting(JobExecution Job, bool AnswersTokens) : RotationState;

    /// <param name="UncodedRefusals">Refusals in a row that only the reference backend can have sent.</param>
    public sealed record Keyed(CurrentRotation Rotation, int UncodedRefusals = 0) : RotationState;

    public sealed record Issued(CurrentRotation Rotation) : RotationState;

    public sealed record Proven(CurrentRotation Rotation) : RotationState;

    public sealed record Switching(CurrentRotation Rotation, int Attempt, Alternation? Turns = null) : RotationState;

    /// <param name="SessionAtSwitch">The nucleus's session when the credential was switched: an answer counts only in another one.</param>
    /// <param name="Attempt">How often the nucleus was restarted for this rotation.</param>
    /// <param name="Reconnected">This component runs in a session younger than the switch.</param>
    /// <param name="Strikes">Rounds of evidence against the new credential, in a row.</param>
    /// <param name="BothRefused">Rounds in which the cloud refused either credential, since it accepted one.</param>
    public sealed record Trial(
        CurrentRotation Rotation, string SessionAtSwitch, int Attempt, bool Reconnected = false, int Strikes = 0, int BothRefused = 0, Alternation? Turns = null) : RotationState;

    public sealed record Committing(CurrentRotation Rotation, int Attempt, int Strikes = 0, Refusal? Final = null, int BothRefused = 0) : RotationState;

    /// <param name="KeepOld">The reference backend did not confirm: the old credential stays until attested or a day has passed.</param>
    public sealed record Committed(CurrentRotation Rotation, bool KeepOld = false, int Strikes = 0, int BothRefused = 0) : RotationState;

    /// <summary>The old credential's turn, while it is not known which of the two the cloud will accept again.</summary>
    /// <param name="SessionAtSwitch">Nothing before the old one is in place.</param>
    /// <param name="IsHeard">The cloud has answered over it.</param>
    /// <param name="Rounds">How many of this turn have not told which one stays.</param>
    public sealed record Stranded(
        CurrentRotation Rotation, Alternation Turns, string? SessionAtSwitch = null, bool Reconnected = false, bool IsHeard = false, int Strikes = 0, int Rounds = 0) : RotationState;

    public sealed record Aborting(CurrentRotation Rotation, string Reason, AbortStage Stage, string? SessionAtSwitch = null) : RotationState;

    [JsonIgnore]
    public bool IsDurable => this is not Starting;

    /// <summary>The execution has this version now: what is written next names it. An older one is old news. Committed asks for it itself.</summary>
    public RotationState At(int version) => this switch
    {
        Keyed s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Issued s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Proven s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Switching s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Trial s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Committing s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Stranded s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        Aborting s => s with { Rotation = s.Rotation with { Version = Math.Max(version, s.Rotation.Version) } },
        _ => this,
    };

    [JsonIgnore]
    public CurrentRotation? Current => this switch
    {
        Keyed s => s.Rotation,
        Issued s => s.Rotation,
        Proven s => s.Rotation,
        Switching s => s.Rotation,
        Trial s => s.Rotation,
        Committing s => s.Rotation,
        Committed s => s.Rotation,
        Stranded s => s.Rotation,
        Aborting s => s.Rotation,
        _ => null,
    };
}
