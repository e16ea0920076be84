using static Keyturn.Simulation.Model.ModelState;
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

    /// <summary>A request names the execution that it is for.</summary>
    Execution,
}

/// <summary>
/// The rules of docs/protocol.md as steps from a state to the next, written from the text and from no code. Functions may die between any two
/// steps: closing and retiring are two.
/// </summary>
/// <param name="again">A second rotation may follow: the job's retry, or another job.</param>
internal sealed class ModelRules(Side device, Side backend, bool thief, bool again, Omitted omitted)
{
    /// <summary>What only the device takes in, and only by the token of a request of its present rotation.</summary>
    private const Wire Answers = Created | CommitAccepted | CommitFinal | CommitUncoded | Nonce | Attested;

    /// <summary>What still means something when the ledger has gone on to the next rotation.</summary>
    private const Wire Outlasting = Create | CreateOfThief | CommitOfOld;

    public IEnumerable<(string Name, ModelState Next)> From(ModelState s) => Device(s).Concat(Cloud(s)).Concat(Others(s)).Where(t => t.Item2 != s);

    private IEnumerable<(string, ModelState)> Device(ModelState s)
    {
        var hears = s.Hears;
        var job = s.DevicesJob;
        switch (s.Device)
        {
            case DeviceState.Start when hears && job is JobState.Queued or JobState.InProgress:
                yield return ("device takes the job, makes a key", s with { Device = DeviceState.Keyed, Job = JobState.InProgress });
                break;
            case DeviceState.Start when IsOver(job):
                yield return ("device sees that the job is over", s with { Device = DeviceState.Rest });
                break;
            case DeviceState.Keyed:
                if (hears)
                    yield return ("device sends create", s.Send(Create));
                if (hears && s.Carries(Created))
                    yield return ("device stores its certificate", s with { Device = DeviceState.Issued, Held = s.Held | s.Made });
                if (IsOver(job) || s.Ledger == LedgerState.Frozen)
                    yield return ("device gives up before a certificate", s with { Device = DeviceState.Aborting });
                break;
            case DeviceState.Issued:
                if (device == Side.Reference || s.NewIsActive)
                    yield return ("device switches", s with { Device = DeviceState.Trial, Link = s.Made });
                // The old one passes, the new one does not; or the job is over: nothing was touched.
                if (IsOver(job) || (!s.NewIsActive && s.OldIsActive && !s.IsShut))
                    yield return ("device discards the new credential", s with { Device = DeviceState.Aborting, Held = s.Held & ~s.Made });
                break;
            case DeviceState.Trial when s.Session == s.Made && hears:
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
                if (s.Session == s.Made)
                    yield return ("device sends commit", s.Send(Commit));
                if (s.Carries(CommitAccepted))
                    yield return ("device hears that its commit is accepted", s with { Device = DeviceState.Committed });
                if (s.Carries(CommitFinal) && s.OldIsActive)
                    yield return ("device hears that its commit is refused for good", s with { Device = DeviceState.Aborting });
                if (s.Carries(CommitUncoded))
                    yield return ("device keeps both", s with { Device = DeviceState.Committed });
                break;
            case DeviceState.Committed when hears && job == JobState.InProgress:
                yield return ("device reports SUCCEEDED", s.Ends(JobState.Succeeded));
                break;
            case DeviceState.Committed when hears && job == JobState.Succeeded:
                yield return ("device removes the old credential", s with { Device = DeviceState.Rest, Held = s.Held & ~s.Kept });
                break;
            case DeviceState.Committed when hears:
                yield return ("device is done, with both credentials", s with { Device = DeviceState.Rest });
                break;
            case DeviceState.Aborting when s.HasOld:
                if (s.Link != s.Kept)
                    yield return ("device restores the old credential", s with { Link = s.Kept });
                else if (s.Session == s.Kept && hears && job == JobState.InProgress)
                    yield return ("device reports FAILED over the old credential", (s with { Device = DeviceState.Rest }).Ends(JobState.Failed));
                else if (s.Session == s.Kept && IsOver(job))
                    yield return ("device is done with the failure", s with { Device = DeviceState.Rest });
                break;
            case DeviceState.Rest when hears && s.JobIsSecond && !s.DeviceIsAtSecond && s.Session == s.Link && !IsOver(s.Job):
                yield return ("device takes the next job, makes a key", Taken(s));
                foreach (var step in AtRest(s))
                    yield return step;
                break;
            case DeviceState.Rest when hears:
                foreach (var step in AtRest(s))
                    yield return step;
                break;
        }
        // Evidence: the old one works, the new one does not.
        if (s is { Device: DeviceState.Trial or DeviceState.Committing or DeviceState.Committed or DeviceState.Rest, HasOld: true, OldIsActive: true, NewIsActive: false, IsShut: false } && s.Link == s.Made)
            yield return ("device has evidence against the new credential", s with { Device = DeviceState.Aborting, Turns = Turns.None });
        // Neither one for long: they have turns.
        if (device == Side.Ours && s is { Device: DeviceState.Trial or DeviceState.Committing or DeviceState.Committed, HasOld: true, IsShut: true })
        {
            yield return ("device gives the old credential a turn", s with
            {
                Device = DeviceState.Stranded, Link = s.Kept, Turns = (s.Turns & ~Turns.OldHeard) | s.Device switch
                {
                    DeviceState.Committing => Turns.CommitSent,
                    DeviceState.Committed => Turns.CommitSent | Turns.Committed,
                    _ => Turns.None,
                },
            });
        }
        if (device == Side.Reference && s is { Device: DeviceState.Trial or DeviceState.Committing, HasOld: true } && IsOver(job))
            yield return ("the reference's device rolls back", s with { Device = DeviceState.Aborting });
        if (s.Session != s.Link)
            yield return ("the nucleus restarts", s with { Session = s.Link });
    }

    private static ModelState Taken(ModelState s) => s with
    {
        Device = DeviceState.Keyed, DeviceIsAtSecond = true, Kept = s.Link, Job = JobState.InProgress, Turns = Turns.None, Wire = s.Wire & ~Answers,
    };

    private IEnumerable<(string, ModelState)> AtRest(ModelState s)
    {
        if (device == Side.Ours && backend == Side.Ours)
        {
            yield return ("device attests", s.Send(s.Session == s.Made ? AttestOfNew : AttestOfOld));
            if (s.Session == s.Kept && s.Carries(Nonce))
                yield return ("device echoes the nonce", s.Send(Echo));
            if (s.Carries(Attested))
                yield return ("device sweeps what is not in use", Sweep(s));
        }
        // Nobody answers attests: a round trip a day later, when the handling of the job's end is long over.
        else if (IsOver(s.DevicesJob) && !s.Carries(JobEnded) && s.Due == 0)
        {
            yield return ("device sweeps a day later", Sweep(s));
        }
    }

    /// <summary>Nothing is said over the old one but a question whether there is a job.</summary>
    private IEnumerable<(string, ModelState)> OldsTurn(ModelState s)
    {
        var isHeard = s.Hears && s.Session == s.Kept;
        // Before and after a turn of the new one that brought nothing.
        if (isHeard && s.Turns.HasFlag(Turns.OldWasHeard) && (omitted == Omitted.CommitSent || !s.Turns.HasFlag(Turns.CommitSent)))
            yield return ("device goes back: the old credential was heard twice, and the new one between not", s with { Device = DeviceState.Aborting, Turns = Turns.None });
        if (isHeard)
            yield return ("a round trip over the old credential", s with { Turns = s.Turns | Turns.OldHeard });
        if (s is { IsShut: false, OldIsActive: true, NewIsActive: false })
            yield return ("device has evidence against the new credential", s with { Device = DeviceState.Aborting, Turns = Turns.None });
        // A probe says that it is accepted, or five rounds told nothing.
        if (s.IsShut || s.NewIsActive)
        {
            yield return ("device gives the new credential a turn", s with
            {
                Device = DeviceState.Trial, Link = s.Made,
                Turns = (s.Turns & ~(Turns.OldHeard | Turns.OldWasHeard)) | (s.Turns.HasFlag(Turns.OldHeard) ? Turns.OldWasHeard : Turns.None),
            });
        }
    }

    private static ModelState Sweep(ModelState s) => s with { Held = s.Held & s.Link };

    private IEnumerable<(string, ModelState)> Cloud(ModelState s)
    {
        if (s.Job == JobState.InProgress)
        {
            if (s.Wire.HasFlag(Create) && (!s.JobIsSecond || omitted == Omitted.Execution))
                yield return ("the backend handles create", OnCreate(s with { Heard = true }, Certs.New, Certs.Old));
            if (s.WireOfSecond.HasFlag(Create))
                yield return ("the backend handles the next job's create", OnCreate(s with { Heard = true }, Certs.Newer, s.Kept));
            if (s.Wire.HasFlag(CreateOfThief) && s.Active.HasFlag(Certs.Old))
                yield return ("the backend handles the thief's create", OnCreate(s, s.JobIsSecond ? Certs.ThiefAgain : Certs.Thief, Certs.Old));
        }
        if (s.Wire.HasFlag(Commit))
            yield return ("the backend handles commit", OnCommit(s, Certs.New, ofSecond: false));
        if (s.WireOfSecond.HasFlag(Commit))
            yield return ("the backend handles the next job's commit", OnCommit(s, Certs.Newer, ofSecond: true));
        if (s.Wire.HasFlag(CommitOfThief))
            yield return ("the backend handles the thief's commit", OnCommit(s, OfThief(s), ofSecond: false));
        if (s.Wire.HasFlag(CommitOfOld) && omitted == Omitted.CommitsPrincipal)
            yield return ("the backend handles a commit by the old certificate", OnCommit(s, s.Issued, ofSecond: false));
        if (backend == Side.Ours)
        {
            foreach (var step in Attests(s, s.Wire, Certs.New, Certs.Old, ofSecond: false))
                yield return step;
            foreach (var step in Attests(s, s.WireOfSecond, Certs.Newer, s.Kept, ofSecond: true))
                yield return step;
            // Heard by event, or found by the sweep.
            if (IsOver(s.LedgersJob))
                yield return ("the backend handles the job's end", OnEnd(Heard(s)));
        }
        else if (s.Wire.HasFlag(JobEnded))
        {
            yield return ("the reference handles the job's end", OnEndAtReference(Heard(s)));
        }
        if (s.Due != 0)
            yield return ("the loser is retired", s with { Due = Certs.None, Active = s.Active & ~s.Due });
    }

    private static ModelState Heard(ModelState s) =>
        s.LedgerIsAtSecond ? s with { WireOfSecond = s.WireOfSecond & ~JobEnded } : s with { Wire = s.Wire & ~JobEnded };

    private ModelState OnCreate(ModelState s, Certs key, Certs principal)
    {
        // The next execution's: the first such request settles what the rotation before left, and begins anew once that is closed.
        if (s.JobIsSecond && !s.LedgerIsAtSecond)
        {
            return s.Ledger switch
            {
                LedgerState.None => Begin(s, key, principal),
                // Its key was used before.
                _ when key == Certs.New => s,
                LedgerState.ClosedNew or LedgerState.ClosedOld when !Losers(s).HasFlag(principal) => Begin(s, key, principal),
                LedgerState.Committed when principal == s.Issued => Close(s, LedgerState.ClosedNew),
                LedgerState.Issued or LedgerState.Reconcile or LedgerState.Frozen => Close(s, principal == s.Issued ? LedgerState.ClosedNew : LedgerState.ClosedOld),
                _ => s,
            };
        }
        // Neither the thief nor a request of the execution before comes over the new rotation's old certificate, if that is another.
        if (s.Recorded != principal)
            return s;
        return s.Ledger switch
        {
            LedgerState.None => Issue(s, key),
            LedgerState.Issued when s.Issued == key => key == OfThief(s) ? s : s.Send(Created, s.LedgerIsAtSecond),
            LedgerState.Issued when backend == Side.Reference || omitted == Omitted.Freeze => Issue(s, key),
            LedgerState.Issued => s with { Ledger = LedgerState.Frozen },
            _ => s,
        };
    }

    private static ModelState Begin(ModelState s, Certs key, Certs principal) => Issue(
        s with
        {
            LedgerIsAtSecond = true, Recorded = principal, Heard = key != Certs.ThiefAgain, Wire = s.Wire & Outlasting, WireOfSecond = s.WireOfSecond & ~(Nonce | Echo),
        },
        key);

    private static ModelState Issue(ModelState s, Certs key)
    {
        var issued = s with { Ledger = LedgerState.Issued, Issued = key, Active = s.Active | key };
        return key == OfThief(s) ? issued : issued.Send(Created, s.LedgerIsAtSecond);
    }

    private ModelState OnCommit(ModelState s, Certs principal, bool ofSecond)
    {
        if (principal != s.Issued)
            return s;
        if (backend == Side.Reference)
        {
            return s.Ledger == LedgerState.Issued && s.Job == JobState.InProgress ? (s with { Ledger = LedgerState.Committed }).Send(CommitAccepted, ofSecond)
                : s.Send(CommitUncoded, ofSecond);
        }
        return s.Ledger switch
        {
            LedgerState.Issued or LedgerState.Reconcile => (s with { Ledger = LedgerState.Committed }).Send(CommitAccepted, ofSecond),
            LedgerState.Committed or LedgerState.ClosedNew => s.Send(CommitAccepted, ofSecond),
            LedgerState.ClosedOld or LedgerState.Frozen => s.Send(CommitFinal, ofSecond),
            _ => s,
        };
    }

    /// <summary>What an attest means depends on which certificate it came over, in the ledger's present rotation.</summary>
    private IEnumerable<(string, ModelState)> Attests(ModelState s, Wire wire, Certs made, Certs kept, bool ofSecond)
    {
        if (wire.HasFlag(AttestOfNew))
            yield return ("the backend handles an attest by the new", OnAttest(s, made, ofSecond));
        if (wire.HasFlag(AttestOfOld))
            yield return ("the backend handles an attest by the old", OnAttest(s, kept, ofSecond));
        if (wire.HasFlag(Echo) && s.Ledger == LedgerState.Reconcile && s.Recorded == kept)
            yield return ("the backend handles an echo by the old", Close(s, LedgerState.ClosedOld).Send(Attested, ofSecond));
    }

    private ModelState OnAttest(ModelState s, Certs principal, bool ofSecond)
    {
        if (principal == s.Issued)
        {
            return (s.Ledger switch
            {
                LedgerState.Reconcile => Close(s, LedgerState.ClosedNew),
                LedgerState.Committed when IsOver(s.LedgersJob) => Close(s, LedgerState.ClosedNew),
                _ => s,
            }).Send(Attested, ofSecond);
        }
        // A certificate of a rotation that is over: told of, and nothing is done.
        if (principal != s.Recorded)
            return s;
        return s.Ledger switch
        {
            LedgerState.Reconcile => omitted == Omitted.Nonce ? Close(s, LedgerState.ClosedOld).Send(Attested, ofSecond) : s.Send(Nonce, ofSecond),
            LedgerState.Committed => s.Send(Nonce, ofSecond),
            _ => s.Send(Attested, ofSecond),
        };
    }

    private static ModelState OnEnd(ModelState s) => s.Ledger switch
    {
        LedgerState.Committed when s.LedgersJob == JobState.Succeeded => Close(s, LedgerState.ClosedNew),
        LedgerState.Issued => s with { Ledger = LedgerState.Reconcile },
        _ => s,
    };

    private static ModelState OnEndAtReference(ModelState s) => s.Ledger switch
    {
        LedgerState.Committed when s.Job == JobState.Succeeded => Close(s, LedgerState.ClosedNew),
        LedgerState.Committed or LedgerState.Issued => Close(s, LedgerState.ClosedOld),
        _ => s,
    };

    private static ModelState Close(ModelState s, LedgerState winner)
    {
        var closed = s with { Ledger = winner };
        return closed with { Due = s.Due | Losers(closed) };
    }

    private static Certs Losers(ModelState s) => s.Ledger == LedgerState.ClosedNew ? s.Recorded : (s.LedgerIsAtSecond ? Certs.Newer : Certs.New) | OfThief(s);

    private static Certs OfThief(ModelState s) => s.LedgerIsAtSecond ? Certs.ThiefAgain : Certs.Thief;

    private IEnumerable<(string, ModelState)> Others(ModelState s)
    {
        yield return (s.IsShut ? "the cloud accepts the thing's certificates again" : "the cloud refuses all of the thing's certificates", s with { IsShut = !s.IsShut });
        if (!IsOver(s.Job))
            yield return ("the job is canceled or times out", s.Ends(JobState.Failed));
        else if (again && !s.JobIsSecond)
            yield return ("the job is retried, or another one made", s with { JobIsSecond = true, JobBefore = s.Job, Job = JobState.Queued });
        for (var message = 1; message <= (int)JobEnded; message <<= 1)
        {
            // The reference hears of an end or never closes; that is its defect and not our subject.
            if (backend == Side.Reference && (Wire)message == JobEnded)
                continue;
            yield return ($"{(Wire)message} is lost, or comes no more", s with { Wire = s.Wire & ~(Wire)message });
            yield return ($"the next job's {(Wire)message} is lost, or comes no more", s with { WireOfSecond = s.WireOfSecond & ~(Wire)message });
        }
        // The next job: whoever asks for a certificate then shows which one is in use.
        if (s.Device == DeviceState.Rest && IsOver(s.Job) && s.Hears && (s.Session == s.Issued || s.Session == s.Recorded))
        {
            if (s.Ledger is LedgerState.Reconcile or LedgerState.Frozen)
                yield return ("a later job's create", Close(s, s.Session == s.Issued ? LedgerState.ClosedNew : LedgerState.ClosedOld));
            if (s.Ledger == LedgerState.Committed && s.Session == s.Issued)
                yield return ("a later job's create", Close(s, LedgerState.ClosedNew));
        }
        // The reference's device may go back after a commit whose answer it never heard. The backend alarms; a person decides.
        if (device == Side.Reference && s is { Device: DeviceState.Rest, Ledger: LedgerState.Committed } && IsOver(s.Job) && s.Session == s.Recorded)
            yield return ("the operator decides for the old", Close(s, LedgerState.ClosedOld));
        if (!thief || !s.Active.HasFlag(Certs.Old))
            yield break;
        yield return ("a thief sends create with a key of its own", s.Send(CreateOfThief, ofSecond: false));
        yield return ("a thief sends commit over the old certificate", s.Send(CommitOfOld, ofSecond: false));
        yield return ("a thief attests over the old certificate", s.Send(AttestOfOld, ofSecond: false));
        if (s.Job == JobState.InProgress)
            yield return ("a thief reports SUCCEEDED", s.Ends(JobState.Succeeded));
        if (s.JobIsSecond && s.Job == JobState.Queued)
            yield return ("a thief takes the job", s with { Job = JobState.InProgress });
        // An offline device and a stolen key at once is not winnable: the device was heard.
        if (s.Active.HasFlag(OfThief(s)) && s.Heard)
            yield return ("a thief sends commit over its certificate", s.Send(CommitOfThief, ofSecond: false));
    }
}
