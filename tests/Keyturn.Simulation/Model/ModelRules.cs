using static Keyturn.Simulation.Model.Wire;

namespace Keyturn.Simulation.Model;

/// <summary>Whose rules a side follows.</summary>
internal enum Side
{
    Ours,
    Reference,
}

/// <summary>A rule of the text that is left out, to see what it is for.</summary>
internal enum Omitted
{
    Nothing,

    /// <summary>I2: a commit counts whatever certificate it came over.</summary>
    CommitsPrincipal,
    Nonce,
    Freeze,

    /// <summary>Once a commit was sent, that the old one was heard before and after the new one's turn is no evidence.</summary>
    CommitSent,
}

/// <summary>
/// The rules of docs/protocol.md as steps from a state to the next, written from the text and from no code. Functions may die between any two
/// steps: closing and retiring are two.
/// </summary>
internal sealed class ModelRules(Side device, Side backend, bool thief, Omitted omitted)
{
    public IEnumerable<(string Name, ModelState Next)> From(ModelState s) => Device(s).Concat(Cloud(s)).Concat(Others(s)).Where(t => t.Item2 != s);

    private IEnumerable<(string, ModelState)> Device(ModelState s)
    {
        var hears = s.Hears;
        switch (s.Device)
        {
            case DeviceState.Start when hears && s.Job == JobState.Queued:
                yield return ("device takes the job, makes a key", s with { Device = DeviceState.Keyed, Job = JobState.InProgress });
                break;
            case DeviceState.Start when s.JobIsOver:
                yield return ("device sees that the job is over", s with { Device = DeviceState.Rest });
                break;
            case DeviceState.Keyed:
                if (hears)
                    yield return ("device sends create", s.Send(Create));
                if (hears && s.Carries(Created))
                    yield return ("device stores its certificate", s with { Device = DeviceState.Issued, HasNew = true });
                if (s.JobIsOver || s.Ledger == LedgerState.Frozen)
                    yield return ("device gives up before a certificate", s with { Device = DeviceState.Aborting });
                break;
            case DeviceState.Issued:
                if (device == Side.Reference || s.NewActive)
                    yield return ("device switches", s with { Device = DeviceState.Trial, Link = Cert.New });
                // The old one passes, the new one does not; or the job is over: nothing was touched.
                if (s.JobIsOver || (!s.NewActive && s.OldActive && !s.IsShut))
                    yield return ("device discards the new credential", s with { Device = DeviceState.Aborting, HasNew = false });
                break;
            case DeviceState.Trial when s.Session == Cert.New && hears:
                yield return ("a round trip over the new credential", s with
                {
                    Device = s.Turns.HasFlag(Turns.Committed) ? DeviceState.Committed : DeviceState.Committing, Turns = Turns.None,
                });
                break;
            case DeviceState.Stranded:
                foreach (var step in OldsTurn(s))
                    yield return step;
                break;
            case DeviceState.Committing when hears:
                if (s.Session == Cert.New)
                    yield return ("device sends commit", s.Send(Commit));
                if (s.Carries(CommitAccepted))
                    yield return ("device hears that its commit is accepted", s with { Device = DeviceState.Committed });
                if (s.Carries(CommitFinal) && s.OldActive)
                    yield return ("device hears that its commit is refused for good", s with { Device = DeviceState.Aborting });
                if (s.Carries(CommitUncoded))
                    yield return ("device keeps both", s with { Device = DeviceState.Committed });
                break;
            case DeviceState.Committed when hears && s.Job == JobState.InProgress:
                yield return ("device reports SUCCEEDED", s with { Job = JobState.Succeeded, Wire = s.Wire | JobEnded });
                break;
            case DeviceState.Committed when hears && s.Job == JobState.Succeeded:
                yield return ("device removes the old credential", s with { Device = DeviceState.Rest, HasOld = false });
                break;
            case DeviceState.Committed when hears:
                yield return ("device is done, with both credentials", s with { Device = DeviceState.Rest });
                break;
            case DeviceState.Aborting when s.HasOld:
                if (s.Link != Cert.Old)
                    yield return ("device restores the old credential", s with { Link = Cert.Old });
                else if (s.Session == Cert.Old && hears && s.Job == JobState.InProgress)
                    yield return ("device reports FAILED over the old credential", s with { Device = DeviceState.Rest, Job = JobState.Failed, Wire = s.Wire | JobEnded });
                else if (s.Session == Cert.Old && s.JobIsOver)
                    yield return ("device is done with the failure", s with { Device = DeviceState.Rest });
                break;
            case DeviceState.Rest when hears && device == Side.Ours && backend == Side.Ours:
                yield return ("device attests", s.Send(s.Session == Cert.New ? AttestOfNew : AttestOfOld));
                if (s.Session == Cert.Old && s.Carries(Nonce))
                    yield return ("device echoes the nonce", s.Send(Echo));
                if (s.Carries(Attested))
                    yield return ("device sweeps what is not in use", Sweep(s));
                break;
            // Nobody answers attests: a round trip a day later, when the handling of the job's end is long over.
            case DeviceState.Rest when hears && s.JobIsOver && !s.Carries(JobEnded) && !s.Due:
                yield return ("device sweeps a day later", Sweep(s));
                break;
        }
        // Evidence: the old one works, the new one does not.
        if (s is { Device: DeviceState.Trial or DeviceState.Committing or DeviceState.Committed or DeviceState.Rest, Link: Cert.New, HasOld: true, OldActive: true, NewActive: false, IsShut: false })
            yield return ("device has evidence against the new credential", s with { Device = DeviceState.Aborting, Turns = Turns.None });
        // Neither one for long: they have turns.
        if (device == Side.Ours && s is { Device: DeviceState.Trial or DeviceState.Committing or DeviceState.Committed, HasOld: true, IsShut: true })
        {
            yield return ("device gives the old credential a turn", s with
            {
                Device = DeviceState.Stranded, Link = Cert.Old, Turns = (s.Turns & ~Turns.OldHeard) | s.Device switch
                {
                    DeviceState.Committing => Turns.CommitSent,
                    DeviceState.Committed => Turns.CommitSent | Turns.Committed,
                    _ => Turns.None,
                },
            });
        }
        if (device == Side.Reference && s is { Device: DeviceState.Trial or DeviceState.Committing, HasOld: true, JobIsOver: true })
            yield return ("the reference's device rolls back", s with { Device = DeviceState.Aborting });
        if (s.Session != s.Link)
            yield return ("the nucleus restarts", s with { Session = s.Link });
    }

    /// <summary>Nothing is said over the old one but a question whether there is a job.</summary>
    private IEnumerable<(string, ModelState)> OldsTurn(ModelState s)
    {
        var isHeard = s.Hears && s.Session == Cert.Old;
        // Before and after a turn of the new one that brought nothing.
        if (isHeard && s.Turns.HasFlag(Turns.OldWasHeard) && (omitted == Omitted.CommitSent || !s.Turns.HasFlag(Turns.CommitSent)))
            yield return ("device goes back: the old credential was heard twice, and the new one between not", s with { Device = DeviceState.Aborting, Turns = Turns.None });
        if (isHeard)
            yield return ("a round trip over the old credential", s with { Turns = s.Turns | Turns.OldHeard });
        if (s is { IsShut: false, OldActive: true, NewActive: false })
            yield return ("device has evidence against the new credential", s with { Device = DeviceState.Aborting, Turns = Turns.None });
        // A probe says that it is accepted, or five rounds told nothing.
        if (s.IsShut || s.NewActive)
        {
            yield return ("device gives the new credential a turn", s with
            {
                Device = DeviceState.Trial, Link = Cert.New,
                Turns = (s.Turns & ~(Turns.OldHeard | Turns.OldWasHeard)) | (s.Turns.HasFlag(Turns.OldHeard) ? Turns.OldWasHeard : Turns.None),
            });
        }
    }

    private static ModelState Sweep(ModelState s) => s.Link == Cert.New ? s with { HasOld = false } : s with { HasNew = false };

    private IEnumerable<(string, ModelState)> Cloud(ModelState s)
    {
        if (s.Carries(Create) && s.Job == JobState.InProgress)
            yield return ("the backend handles create", OnCreate(s with { Heard = true }, Cert.New));
        if (s.Carries(CreateOfThief) && s.Job == JobState.InProgress)
            yield return ("the backend handles the thief's create", OnCreate(s, Cert.Thief));
        if (s.Carries(Commit))
            yield return ("the backend handles commit", OnCommit(s, Cert.New));
        if (s.Carries(CommitOfThief))
            yield return ("the backend handles the thief's commit", OnCommit(s, Cert.Thief));
        if (s.Carries(CommitOfOld) && omitted == Omitted.CommitsPrincipal)
            yield return ("the backend handles a commit by the old certificate", OnCommit(s, s.Issued));
        if (backend == Side.Ours)
        {
            if (s.Carries(AttestOfNew))
                yield return ("the backend handles an attest by the new", OnAttestOfNew(s).Send(Attested));
            if (s.Carries(AttestOfOld))
                yield return ("the backend handles an attest by the old", OnAttestOfOld(s));
            if (s.Carries(Echo) && s.Ledger == LedgerState.Reconcile)
                yield return ("the backend handles an echo by the old", Close(s, LedgerState.ClosedOld).Send(Attested));
            // Heard by event, or found by the sweep.
            if (s.JobIsOver)
                yield return ("the backend handles the job's end", OnEnd(s with { Wire = s.Wire & ~JobEnded }));
        }
        else if (s.Carries(JobEnded))
        {
            yield return ("the reference handles the job's end", OnEndAtReference(s with { Wire = s.Wire & ~JobEnded }));
        }
        if (s.Due)
            yield return ("the loser is retired", Retire(s));
    }

    private ModelState OnCreate(ModelState s, Cert key) => s.Ledger switch
    {
        LedgerState.None => Issue(s, key),
        LedgerState.Issued when s.Issued == key => key == Cert.New ? s.Send(Created) : s,
        LedgerState.Issued when backend == Side.Reference || omitted == Omitted.Freeze => Issue(s, key),
        LedgerState.Issued => s with { Ledger = LedgerState.Frozen },
        _ => s,
    };

    private static ModelState Issue(ModelState s, Cert key) => key == Cert.New
        ? (s with { Ledger = LedgerState.Issued, Issued = key, NewActive = true }).Send(Created)
        : s with { Ledger = LedgerState.Issued, Issued = key, ThiefActive = true };

    private ModelState OnCommit(ModelState s, Cert principal)
    {
        if (principal != s.Issued)
            return s;
        if (backend == Side.Reference)
        {
            return s.Ledger == LedgerState.Issued && s.Job == JobState.InProgress ? (s with { Ledger = LedgerState.Committed }).Send(CommitAccepted)
                : s.Send(CommitUncoded);
        }
        return s.Ledger switch
        {
            LedgerState.Issued or LedgerState.Reconcile => (s with { Ledger = LedgerState.Committed }).Send(CommitAccepted),
            LedgerState.Committed or LedgerState.ClosedNew => s.Send(CommitAccepted),
            LedgerState.ClosedOld or LedgerState.Frozen => s.Send(CommitFinal),
            _ => s,
        };
    }

    private static ModelState OnAttestOfNew(ModelState s) => s.Ledger switch
    {
        LedgerState.Reconcile => Close(s, LedgerState.ClosedNew),
        LedgerState.Committed when s.JobIsOver => Close(s, LedgerState.ClosedNew),
        _ => s,
    };

    private ModelState OnAttestOfOld(ModelState s) => s.Ledger switch
    {
        LedgerState.Reconcile => omitted == Omitted.Nonce ? Close(s, LedgerState.ClosedOld).Send(Attested) : s.Send(Nonce),
        LedgerState.Committed => s.Send(Nonce),
        _ => s.Send(Attested),
    };

    private static ModelState OnEnd(ModelState s) => s.Ledger switch
    {
        LedgerState.Committed when s.Job == JobState.Succeeded => Close(s, LedgerState.ClosedNew),
        LedgerState.Issued => s with { Ledger = LedgerState.Reconcile },
        _ => s,
    };

    private static ModelState OnEndAtReference(ModelState s) => s.Ledger switch
    {
        LedgerState.Committed when s.Job == JobState.Succeeded => Close(s, LedgerState.ClosedNew),
        LedgerState.Committed or LedgerState.Issued => Close(s, LedgerState.ClosedOld),
        _ => s,
    };

    private static ModelState Close(ModelState s, LedgerState winner) => s with { Ledger = winner, Due = true };

    private static ModelState Retire(ModelState s) => s.Ledger == LedgerState.ClosedNew
        ? s with { Due = false, OldActive = false }
        : s with { Due = false, NewActive = false, ThiefActive = false };

    private IEnumerable<(string, ModelState)> Others(ModelState s)
    {
        yield return (s.IsShut ? "the cloud accepts the thing's certificates again" : "the cloud refuses all of the thing's certificates", s with { IsShut = !s.IsShut });
        if (!s.JobIsOver)
            yield return ("the job is canceled or times out", s with { Job = JobState.Failed, Wire = s.Wire | JobEnded });
        for (var message = 1; message <= (int)JobEnded; message <<= 1)
        {
            // The reference hears of an end or never closes; that is its defect and not our subject.
            if (s.Carries((Wire)message) && (backend == Side.Ours || (Wire)message != JobEnded))
                yield return ($"{(Wire)message} is lost, or comes no more", s with { Wire = s.Wire & ~(Wire)message });
        }
        // The next job: whoever asks for a certificate then shows which one is in use.
        if (s is { Device: DeviceState.Rest, JobIsOver: true } && s.Hears)
        {
            if (s.Ledger is LedgerState.Reconcile or LedgerState.Frozen)
                yield return ("the next job's create", Close(s, s.Session == Cert.New ? LedgerState.ClosedNew : LedgerState.ClosedOld));
            if (s.Ledger == LedgerState.Committed && s.Session == Cert.New)
                yield return ("the next job's create", Close(s, LedgerState.ClosedNew));
        }
        // The reference's device may go back after a commit whose answer it never heard. The backend alarms; a person decides.
        if (device == Side.Reference && s is { Device: DeviceState.Rest, JobIsOver: true, Ledger: LedgerState.Committed, Session: Cert.Old })
            yield return ("the operator decides for the old", Close(s, LedgerState.ClosedOld));
        if (!thief || !s.OldActive)
            yield break;
        yield return ("a thief sends create with a key of its own", s.Send(CreateOfThief));
        yield return ("a thief sends commit over the old certificate", s.Send(CommitOfOld));
        yield return ("a thief attests over the old certificate", s.Send(AttestOfOld));
        if (s.Job == JobState.InProgress)
            yield return ("a thief reports SUCCEEDED", s with { Job = JobState.Succeeded, Wire = s.Wire | JobEnded });
        // An offline device and a stolen key at once is not winnable: the device was heard.
        if (s.ThiefActive && s.Heard)
            yield return ("a thief sends commit over its certificate", s.Send(CommitOfThief));
    }
}
