namespace Keyturn.Simulation.Model;

internal enum DeviceState : byte
{
    Start,
    Keyed,
    Issued,
    Trial,
    Committing,
    Committed,
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

/// <summary>One rotation: what is on the device, what the cloud holds, what is between them.</summary>
/// <param name="Link">The credential that the disk leads to.</param>
/// <param name="Session">The credential of the nucleus's connection.</param>
/// <param name="HasOld">The device holds the old credential, complete.</param>
/// <param name="Issued">Whose key the recorded new certificate is of.</param>
/// <param name="Due">The loser of a closed rotation is not retired yet.</param>
/// <param name="Heard">The backend has heard the device's own request: it is not offline.</param>
internal readonly record struct ModelState(
    DeviceState Device, Cert Link, Cert Session, bool HasOld, bool HasNew,
    LedgerState Ledger, Cert Issued, bool OldActive, bool NewActive, bool ThiefActive, bool Due, bool Heard,
    JobState Job, Wire Wire)
{
    public static readonly ModelState Initial = new(
        DeviceState.Start, Cert.Old, Cert.Old, true, false, LedgerState.None, Cert.New, true, false, false, false, false, JobState.Queued, Wire.None);

    public bool JobIsOver => Job is JobState.Succeeded or JobState.Failed;

    public bool IsActive(Cert cert) => cert switch { Cert.Old => OldActive, Cert.New => NewActive, _ => ThiefActive };

    /// <summary>I1.</summary>
    public bool HoldsAccepted => (HasOld && OldActive) || (HasNew && NewActive);

    public bool IsAtRest => Device == DeviceState.Rest && JobIsOver && !Due && IsActive(Session) && Session == Link
        && (OldActive ? 1 : 0) + (NewActive ? 1 : 0) + (ThiefActive ? 1 : 0) == 1;

    public bool Carries(Wire message) => (Wire & message) != 0;

    public ModelState Send(Wire message) => this with { Wire = Wire | message };
}
