namespace Keyturn.Simulation.Model;

internal enum DeviceState : byte
{
    Start,
    Keyed,
    Issued,
    Trial,
    Committing,
    Committed,

    /// <summary>Neither credential gets it connected, and it is the old one's turn; the new one's is <see cref="Trial"/> again.</summary>
    Stranded,
    Aborting,
    Rest,
}

internal enum LedgerState : byte
{
    None,
    Issued,
    Reconcile,
    Committed,
    Frozen,
    ClosedNew,
    ClosedOld,
}

internal enum JobState : byte
{
    Queued,
    InProgress,
    Succeeded,
    Failed,
}

/// <summary>Which certificate: the old one, the new one of the device's key, or a new one of a thief's key.</summary>
internal enum Cert : byte
{
    Old,
    New,
    Thief,
}

/// <summary>What may be under way. A set: each may be lost, arrive after any time, and arrive any number of times.</summary>
[Flags]
internal enum Wire
{
    None = 0,
    Create = 1,
    CreateOfThief = 2,
    Created = 4,
    Commit = 8,
    CommitOfOld = 16,
    CommitOfThief = 32,
    CommitAccepted = 64,
    CommitFinal = 128,
    CommitUncoded = 256,
    AttestOfNew = 512,
    AttestOfOld = 1024,
    Echo = 2048,
    Nonce = 4096,
    Attested = 8192,
    JobEnded = 16384,
}

/// <summary>What a device remembers while old and new have turns.</summary>
[Flags]
internal enum Turns : byte
{
    None = 0,

    /// <summary>A commit was sent: the cloud may hold to the new one.</summary>
    CommitSent = 1,
    Committed = 2,

    /// <summary>The old one brought a round trip in this turn of its.</summary>
    OldHeard = 4,

    /// <summary>It did so in its turn before this one of the new one's.</summary>
    OldWasHeard = 8,
}

/// <summary>One rotation: what is on the device, what the cloud holds, what is between them.</summary>
/// <param name="Link">The credential that the disk leads to.</param>
/// <param name="Session">The credential of the nucleus's connection.</param>
/// <param name="HasOld">The device holds the old credential, complete.</param>
/// <param name="Issued">Whose key the recorded new certificate is of.</param>
/// <param name="Due">The loser of a closed rotation is not retired yet.</param>
/// <param name="IsShut">For a while, the cloud refuses whoever connects with the thing's certificates, whichever.</param>
/// <param name="Heard">The backend has heard the device's own request: it is not offline.</param>
internal readonly record struct ModelState(
    DeviceState Device, Cert Link, Cert Session, bool HasOld, bool HasNew,
    LedgerState Ledger, Cert Issued, bool OldActive, bool NewActive, bool ThiefActive, bool Due, bool Heard,
    JobState Job, Wire Wire, bool IsShut = false, Turns Turns = Turns.None)
{
    public static readonly ModelState Initial = new(
        DeviceState.Start, Cert.Old, Cert.Old, true, false, LedgerState.None, Cert.New, true, false, false, false, false, JobState.Queued, Wire.None);

    public bool JobIsOver => Job is JobState.Succeeded or JobState.Failed;

    public bool IsActive(Cert cert) => cert switch { Cert.Old => OldActive, Cert.New => NewActive, _ => ThiefActive };

    /// <summary>The nucleus is connected.</summary>
    public bool Hears => IsActive(Session) && !IsShut;

    /// <summary>I1; that the cloud shuts everybody out is not the device's to prevent.</summary>
    public bool HoldsAccepted => (HasOld && OldActive) || (HasNew && NewActive);

    public bool IsAtRest => Device == DeviceState.Rest && JobIsOver && !Due && Hears && Session == Link
        && (OldActive ? 1 : 0) + (NewActive ? 1 : 0) + (ThiefActive ? 1 : 0) == 1;

    public bool Carries(Wire message) => (Wire & message) != 0;

    public ModelState Send(Wire message) => this with { Wire = Wire | message };
}
