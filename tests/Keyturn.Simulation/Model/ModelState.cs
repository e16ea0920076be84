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

/// <summary>Which certificates: the one from before, the new one of the first rotation, that of the second, or those of a thief's keys in each.</summary>
[Flags]
internal enum Certs : byte
{
    None = 0,
    Old = 1,
    New = 2,
    Newer = 4,
    Thief = 8,
    ThiefAgain = 16,
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

/// <summary>
/// A rotation, or two of them: the second is that of the job's retry, or of another job. It may be queued when the job of the first is over, whatever
/// device and backend know of that; they come to it one after the other, and messages of the first may still be under way then.
/// </summary>
/// <param name="Link">The credential that the disk leads to.</param>
/// <param name="Session">The credential of the nucleus's connection.</param>
/// <param name="Held">The credentials that are complete on the device.</param>
/// <param name="Kept">The one that the device's rotation began with, and would go back to.</param>
/// <param name="Recorded">The old certificate of the ledger's rotation.</param>
/// <param name="Issued">Whose key its new certificate is of.</param>
/// <param name="Due">The losers that are not retired yet.</param>
/// <param name="Heard">The backend has heard the device's own request: it is not offline.</param>
/// <param name="JobBefore">How the first job ended, once the second is queued.</param>
/// <param name="Wire">The messages of the first rotation, and a thief's.</param>
/// <param name="WireOfSecond">Those of the second.</param>
/// <param name="IsShut">For a while, the cloud refuses whoever connects with the thing's certificates, whichever.</param>
internal readonly record struct ModelState(
    DeviceState Device, Certs Link, Certs Session, Certs Held, Certs Kept,
    LedgerState Ledger, Certs Recorded, Certs Issued, Certs Active, Certs Due, bool Heard,
    JobState Job, JobState JobBefore, Wire Wire, Wire WireOfSecond, bool IsShut, Turns Turns,
    bool DeviceIsAtSecond, bool LedgerIsAtSecond, bool JobIsSecond)
{
    public static readonly ModelState Initial = default(ModelState) with
    {
        Link = Certs.Old, Session = Certs.Old, Held = Certs.Old, Kept = Certs.Old, Recorded = Certs.Old, Issued = Certs.New, Active = Certs.Old,
    };

    /// <summary>The certificate of the key that the device made for its rotation.</summary>
    public Certs Made => DeviceIsAtSecond ? Certs.Newer : Certs.New;

    public bool HasOld => Held.HasFlag(Kept);

    public bool OldIsActive => Active.HasFlag(Kept);

    public bool NewIsActive => Active.HasFlag(Made);

    /// <summary>How it is with the job of the device's rotation.</summary>
    public JobState DevicesJob => JobIsSecond && !DeviceIsAtSecond ? JobBefore : Job;

    /// <summary>How it is with the job of the ledger's rotation.</summary>
    public JobState LedgersJob => JobIsSecond && !LedgerIsAtSecond ? JobBefore : Job;

    /// <summary>The nucleus is connected.</summary>
    public bool Hears => Active.HasFlag(Session) && !IsShut;

    /// <summary>I1; that the cloud shuts everybody out is not the device's to prevent.</summary>
    public bool HoldsAccepted => (Held & Active) != 0;

    public bool IsAtRest => Device == DeviceState.Rest && IsOver(Job) && Due == 0 && Hears && Session == Link && int.PopCount((int)Active) == 1;

    public static bool IsOver(JobState job) => job is JobState.Succeeded or JobState.Failed;

    /// <summary>Among the messages of the device's rotation.</summary>
    public bool Carries(Wire message) => ((DeviceIsAtSecond ? WireOfSecond : Wire) & message) != 0;

    public ModelState Send(Wire message) => Send(message, DeviceIsAtSecond);

    public ModelState Send(Wire message, bool ofSecond) =>
        ofSecond ? this with { WireOfSecond = WireOfSecond | message } : this with { Wire = Wire | message };

    public ModelState Ends(JobState how) => (this with { Job = how }).Send(Wire.JobEnded, JobIsSecond);
}
