using static Keyturn.Device.Rotation.CloudRequest;
using static Keyturn.Device.Rotation.RotationEffect;
using static Keyturn.Device.Rotation.RotationEvent;
using static Keyturn.Device.Rotation.RotationState;

namespace Keyturn.Device.Rotation;

/// <summary>A state, and what to do once it is journalled.</summary>
internal readonly record struct Step(RotationState State, params RotationEffect[] Effects);

/// <summary>
/// A rotation on the device: a pure function of what is journalled and what happened. The driver journals the new state, then does the
/// effects; each effect comes back as an event. Recovery after any crash is <c>Next(loaded state, Restarted)</c>:
/// <code>
/// State       entered when                                          after a restart
/// Idle        nothing under way                                     ask for a job; attest; sweep once the attest is accepted
/// (Starting)  a job was taken, its update sent; not journalled      is Idle again: the job is still the next one
/// Keyed       the new key and its CSR are durable                   send the same CSR again, look at the job
/// Issued      the certificate is checked and durable                pre-flight again; the job is over: abort
/// Proven      the cloud accepted the new one, or could not say      go on
/// Switching   before the switch                                     switch (again)
/// Trial       after the switch                                      same nucleus session: restart the nucleus; a younger one: round trip
/// Committing  a round trip through a session younger than the switch commit again
/// Committed   the backend says the new one stays                    report SUCCEEDED, then remove the old one
/// Stranded    neither one gets the device connected: the old one's turn same session: restart the nucleus; a younger one: round trip
/// Aborting    refused, or evidence against the new one              finish the stage: discard or restore, return, report FAILED
/// </code>
/// An event that a state has no arm for changes nothing: it is late, repeated, or somebody else's.
/// </summary>
internal static class RotationMachine
{
    /// <summary>Less than this of the job's time left: a certificate asked for now may come too late.</summary>
    public static readonly TimeSpan JobReserve = TimeSpan.FromSeconds(180);

    public static readonly TimeSpan PollInterval = TimeSpan.FromHours(1);

    /// <summary>A rotation that takes longer than this before the switch asks what has become of its job, and how much of its time is left.</summary>
    public static readonly TimeSpan JobLook = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    public static readonly TimeSpan Day = TimeSpan.FromDays(1);
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Five rounds of evidence, so far apart, are ten minutes.</summary>
    public static readonly TimeSpan EvidenceInterval = TimeSpan.FromSeconds(150);

    public const int StrikesNeeded = 5;

    /// <summary>Five rounds so far apart are a day.</summary>
    public static readonly TimeSpan LongestInterval = TimeSpan.FromHours(6);

    private const int HoursToKeep = 24;
    private const int RestartAttempts = 5;
    private const int UncodedRefusalsNeeded = 2;

    public static Step Next(RotationState state, RotationEvent happened) => (state, happened) switch
    {
        // At rest.
        (Idle s, Restarted) => new(s, new Ask(new NextJob()), new Ask(new Attest()), new SetAlarm(Alarm.KeptAnHour, Hour)),
        (Idle s, QueueChanged or AlarmRang { Alarm: Alarm.Poll }) => new(s, new Ask(new NextJob())),
        (Idle s, AlarmRang { Alarm: Alarm.Attest }) => new(s, new Ask(new Attest())),
        (Idle s, AttestAccepted { Nonce: { } nonce }) => new(s with { AnswersTokens = true }, new Ask(new Attest(nonce))),
        (Idle s, AttestAccepted) => new(s with { AnswersTokens = true }, new Sweep(), new SetAlarm(Alarm.Attest, Day)),
        (Idle s, AttestRefused e) => new(s with { AnswersTokens = s.AnswersTokens || e.Refusal.CarriedToken }, new SetAlarm(Alarm.Attest, Day)),
        (Idle { AnswersTokens: false, HoursKept: < HoursToKeep - 1 } s, AlarmRang { Alarm: Alarm.KeptAnHour }) =>
            new(s with { HoursKept = s.HoursKept + 1 }, new SetAlarm(Alarm.KeptAnHour, Hour)),
        (Idle { AnswersTokens: false } s, AlarmRang { Alarm: Alarm.KeptAnHour }) => new(s with { KeptLongEnough = true, HoursKept = 0 }, new Ask(new NextJob())),
        (Idle s, NextJobSeen { Job: { IsRotation: true, IsOver: false } job }) => new(new Starting(job, s.AnswersTokens), Begin(job)),
        (Idle { KeptLongEnough: true } s, NextJobSeen) => new(s with { KeptLongEnough = false }, new Sweep(), new SetAlarm(Alarm.Poll, PollInterval)),
        (Idle s, NextJobSeen) => new(s, new SetAlarm(Alarm.Poll, PollInterval)),

        // A job was taken. Its update must be accepted before anything else is done for it.
        (Starting s, UpdateAccepted e) => new(s with { Job = s.Job with { Version = e.Version, Status = JobStatus.InProgress } }, new Prepare()),
        (Starting s, UpdateRefused { Code: JobRefusalCode.VersionMismatch, Actual: { Status: JobStatus.InProgress, IsMarked: true } actual })
            when actual.Version == s.Job.Version + 1 =>
            new(s with { Job = s.Job with { Version = actual.Version, Status = JobStatus.InProgress } }, new Prepare()),
        (Starting s, UpdateRefused { Code: JobRefusalCode.VersionMismatch } or UpdateRefused { Actual: not null }) => Rest(s.AnswersTokens),
        (Starting s, UpdateRefused e) when JobRefusalCode.EndsReporting(e.Code) => Rest(s.AnswersTokens),
        (Starting s, UpdateRefused) => new(s, new Ask(Begin(s.Job).Request, AfterPause: true)),
        (Starting s, Prepared e) => WaitForCertificate(s, e),
        (Starting s, PreparationFailed e) => Report(Describe(s, "-", "-"), e.Reason),

        // The key is durable.
        (Keyed s, Restarted) => new(s, Certificate(s.Rotation), new Ask(new DescribeJob(s.Rotation.JobId)), new SetAlarm(Alarm.Poll, Patience)),
        (Keyed { Rotation: var r }, AlarmRang { Alarm: Alarm.Deadline }) => Discard(r, TimeIsUp),
        (Keyed s, Certified e) => new(
            s with { UncodedRefusals = 0, Rotation = s.Rotation with { RotationId = e.RotationId ?? s.Rotation.RotationId, AnswersTokens = s.Rotation.AnswersTokens || e.CarriedToken } },
            new StoreCertificate(s.Rotation.New, e.CertificatePem)),
        // Not the certificate of our key: another component's, or another rotation's. The real answer may still come.
        (Keyed s, CertificateUnfit) => new(s, Certificate(s.Rotation, afterPause: true)),
        (Keyed s, CertificateStored e) => Proof(s.Rotation with { CertificateId = e.CertificateId }),
        (Keyed s, CreateRefused { Refusal: { OfCreate: RefusalClass.Uncoded } refusal }) => s.UncodedRefusals + 1 < UncodedRefusalsNeeded
            ? new(s with { UncodedRefusals = s.UncodedRefusals + 1 }, Certificate(s.Rotation, afterPause: true))
            : Discard(s.Rotation, $"the backend refused the certificate request: {refusal.Describe()}"),
        (Keyed s, CreateRefused { Refusal: { OfCreate: RefusalClass.Retry } refusal }) =>
            TryAgain(s with { Rotation = s.Rotation with { AnswersTokens = s.Rotation.AnswersTokens || refusal.CarriedToken } }),
        (Keyed s, CreateRefused e) => Discard(s.Rotation, $"the backend refused the certificate request: {e.Refusal.Describe()}"),

        // The certificate is durable; the old credential still serves.
        (Issued s, Restarted) => new(s, new Preflight(s.Rotation.New), new Ask(new DescribeJob(s.Rotation.JobId)), new SetAlarm(Alarm.Poll, Patience)),
        (Issued s, PreflightDone { Outcome: PreflightOutcome.Refused } e) => Discard(s.Rotation, $"the new certificate was not accepted before the switch: {e.Note}"),
        (Issued s, PreflightDone e) => Showing(new Proven(s.Rotation with { Note = e.Note }), new AwaitNoDeployment(), new SetAlarm(Alarm.Poll, Patience)),
        (Proven s, Restarted) => new(s, new AwaitNoDeployment(), new Ask(new DescribeJob(s.Rotation.JobId)), new SetAlarm(Alarm.Poll, Patience)),
        (Proven s, NoDeployment) => new(new Switching(s.Rotation, 1), new SwitchTo(s.Rotation.New)),

        // Until here the job's end is the rotation's end.
        (Keyed or Issued or Proven, QueueChanged) => new(state, new Ask(new DescribeJob(state.Current!.JobId))),
        (Keyed or Issued or Proven, AlarmRang { Alarm: Alarm.Poll }) => new(state, new Ask(new DescribeJob(state.Current!.JobId)), new SetAlarm(Alarm.Poll, Patience)),
        (Keyed or Issued or Proven, JobSeen e) => LookAt(state, state.Current!, e.Job),

        // The switch, and the nucleus that has to notice it.
        (Switching s, Restarted) => new(s, new SwitchTo(s.Rotation.New)),
        (Switching s, Switched e) => new(new Trial(s.Rotation, e.Session, s.Attempt, Turns: s.Turns), new RestartNucleus()),
        (Switching { Turns: { } turns } s, SwitchFailed) => OldsTurn(s.Rotation, turns),
        (Switching s, SwitchFailed e) => Restore(s.Rotation, e.Reason),
        (Trial s, Restarted e) when e.Session == s.SessionAtSwitch => new(s, new RestartNucleus()),
        (Trial s, Restarted) => new(s with { Reconnected = true }, new Ask(new NextJob()), new SetAlarm(Alarm.Evidence, Patience)),
        // A commit may have been heard before the credentials changed places: giving the new one up takes evidence.
        (Trial { Reconnected: false, Turns: not null } s, RestartFailed) => new(s, new SetAlarm(Alarm.Retry, EvidenceInterval)),
        (Trial { Reconnected: false, Turns: { } turns } s, AlarmRang { Alarm: Alarm.Overdue }) => OldsTurn(s.Rotation, turns),
        (Trial { Reconnected: false, Attempt: < RestartAttempts } s, RestartFailed) => new(s with { Attempt = s.Attempt + 1 }, new SetAlarm(Alarm.Retry, EvidenceInterval)),
        (Trial { Reconnected: false } s, RestartFailed e) => Restore(s.Rotation, e.Reason),
        // No commit was sent: the backend holds to the old one.
        (Trial { Reconnected: false } s, AlarmRang { Alarm: Alarm.Overdue }) => Restore(s.Rotation, "Greengrass did not come up with the new certificate"),
        (Trial { Reconnected: false } s, AlarmRang { Alarm: Alarm.Retry }) => new(s, new RestartNucleus()),
        (Trial { Reconnected: true, Turns: { IsCommitted: true } turns } s, NextJobSeen) => new(
            new Committed(s.Rotation, turns.KeepOld), Success(s.Rotation), new SetAlarm(Alarm.Evidence, Patience)),
        (Trial { Reconnected: true } s, NextJobSeen e) => Showing(
            new Committing(AsSeen(s.Rotation, e.Job), s.Attempt), Decision(s.Rotation), new SetAlarm(Alarm.Evidence, Patience)),
        (Trial { Reconnected: true } s, Compared e) => Weigh(
            s with { Strikes = Strikes(s.Strikes, e), BothRefused = Refusals(s.BothRefused, e) }, s.Rotation, Strikes(s.Strikes, e), Refusals(s.BothRefused, e), s.Turns ?? new()),

        // The decision.
        (Committing s, Restarted) => new(s with { Final = null }, Decision(s.Rotation), new SetAlarm(Alarm.Evidence, Patience)),
        (Committing s, CommitAccepted) => new(new Committed(s.Rotation), Success(s.Rotation), new SetAlarm(Alarm.Evidence, Patience)),
        (Committing { Attempt: < RestartAttempts } s, CommitRefused { Refusal.OfCommit: RefusalClass.RestartNucleus }) =>
            new(new Switching(s.Rotation, s.Attempt + 1), new SwitchTo(s.Rotation.New)),
        (Committing s, CommitRefused { Refusal: { OfCommit: RefusalClass.Final } refusal }) =>
            new(s with { Final = refusal }, new Compare(s.Rotation.Old, s.Rotation.New)),
        // The reference backend forgets a rotation when it commits it; when it never did, comparing the credentials tells.
        (Committing s, CommitRefused { Refusal.OfCommit: RefusalClass.Uncoded, IsRepeated: true }) => KeepBoth(s.Rotation),
        (Committing { Final: null } s, CommitRefused { Refusal: { OfCommit: RefusalClass.Uncoded } refusal }) =>
            new(s with { Final = refusal }, new Compare(s.Rotation.Old, s.Rotation.New)),
        (Committing s, CommitRefused) => new(s, Decision(s.Rotation, afterPause: true)),
        (Committing { Final: { } refusal } s, Compared { OldBefore: ProbeResult.Accepted, OldAfter: ProbeResult.Accepted }) =>
            Restore(s.Rotation, $"the backend refused the commit: {refusal.Describe()}"),
        (Committing { Final: not null } s, Compared) => new(s with { Final = null }, Decision(s.Rotation, afterPause: true), new SetAlarm(Alarm.Evidence, Patience)),
        (Committing s, Compared e) => Weigh(
            s with { Strikes = Strikes(s.Strikes, e), BothRefused = Refusals(s.BothRefused, e) }, s.Rotation, Strikes(s.Strikes, e), Refusals(s.BothRefused, e),
            new(CommitWasSent: true)),
        (Trial { Reconnected: true } or Committing { Final: null } or Committed or Stranded { Reconnected: true }, AlarmRang { Alarm: Alarm.Evidence }) =>
            new(state, new Compare(state.Current!.Old, state.Current.New)),

        // Decided: the old credential goes once the job's end is known to the Jobs service.
        (Committed s, Restarted) => new(s, Success(s.Rotation), new SetAlarm(Alarm.Evidence, Patience)),
        (Committed s, Compared e) => Weigh(
            s with { Strikes = Strikes(s.Strikes, e), BothRefused = Refusals(s.BothRefused, e) }, s.Rotation, Strikes(s.Strikes, e), Refusals(s.BothRefused, e),
            new(IsCommitted: true, KeepOld: s.KeepOld)),
        (Committed s, UpdateAccepted) => Finish(s),
        (Committed s, UpdateRefused { Actual: { Status: JobStatus.Succeeded } }) => Finish(s),
        // Most likely a step of ours whose answer was lost: said again at once, with the version that it left.
        (Committed s, UpdateRefused { Code: JobRefusalCode.VersionMismatch, Actual: { IsMarked: true, Status: JobStatus.InProgress } actual }) =>
            Again(s with { Rotation = s.Rotation with { Version = actual.Version } }, afterPause: actual.Version == s.Rotation.Version),
        // Somebody else's, or of a job that was deleted and made anew under the same name: that one is another rotation.
        (Committed s, UpdateRefused e) when e.Code == JobRefusalCode.VersionMismatch || JobRefusalCode.EndsReporting(e.Code) => new(s, new Ask(new DescribeJob(s.Rotation.JobId))),
        (Committed s, UpdateRefused) => new(s, Success(s.Rotation, afterPause: true)),
        (Committed s, JobSeen { Job: { Status: JobStatus.Succeeded } job }) when s.Rotation.Is(job) => Finish(s),
        (Committed s, JobSeen { Job: { IsOver: false } job }) when s.Rotation.Is(job) => Again(s with { Rotation = s.Rotation with { Version = job.Version } }),
        (Committed s, JobSeen) => Rest(s.Rotation.AnswersTokens, "the new credential is in use; its job ended before success could be reported"),
        (Committed s, CredentialRemoved) => Rest(s.Rotation.AnswersTokens, "rotated"),

        // Neither credential gets the device connected: each has its turn, and neither is given up before the cloud accepts the other one.
        (Stranded { SessionAtSwitch: null } s, Restarted) => new(s, new SwitchBackTo(s.Rotation.Old)),
        // Its removal may have begun: then it has no turns.
        (Stranded { SessionAtSwitch: null } s, SwitchFailed) => new(s, new SetAlarm(Alarm.Retry, EvidenceInterval)),
        (Stranded { SessionAtSwitch: null } s, AlarmRang { Alarm: Alarm.Retry }) => NewsTurn(s),
        (Stranded { SessionAtSwitch: null } s, Switched e) => new(s with { SessionAtSwitch = e.Session }, new RestartNucleus()),
        (Stranded s, Restarted e) when e.Session == s.SessionAtSwitch => new(s, new RestartNucleus()),
        (Stranded s, Restarted) => new(s with { Reconnected = true }, new Ask(new NextJob()), new SetAlarm(Alarm.Evidence, Interval(s.Turns))),
        (Stranded { Reconnected: false } s, RestartFailed) => new(s, new SetAlarm(Alarm.Retry, EvidenceInterval)),
        (Stranded { Reconnected: false } s, AlarmRang { Alarm: Alarm.Retry }) => new(s, new RestartNucleus()),
        // Heard before and after the new one's turn, which brought nothing: that is evidence, whatever a probe may do. Not once a commit was
        // sent: the cloud may hold to the new one, and have refused both in just that turn.
        (Stranded { Reconnected: true, Turns: { OldWasHeard: true, IsCommitted: false, CommitWasSent: false } } s, NextJobSeen) =>
            Report(s.Rotation, "the old certificate got the device connected, twice, and the new one between did not"),
        (Stranded { Reconnected: true } s, NextJobSeen) => new(s with { IsHeard = true }, new Compare(s.Rotation.Old, s.Rotation.New)),
        (Stranded { Reconnected: true } s, Compared { New: ProbeResult.Accepted }) => NewsTurn(s),
        (Stranded { Reconnected: true } s, Compared e) => WeighOldsTurn(s with
        {
            Strikes = Strikes(s.Strikes, e), Rounds = s.Rounds + (e.IsStranded || s.IsHeard ? 1 : 0),
        }),

        // Going back, or never having gone.
        (Aborting { Stage: AbortStage.Discard } s, Restarted) => new(s, new Remove(s.Rotation.New)),
        (Aborting { Stage: AbortStage.Discard } s, CredentialRemoved) => Report(s.Rotation, s.Reason),
        (Aborting { Stage: AbortStage.Restore } s, Restarted or AlarmRang { Alarm: Alarm.Retry }) => new(s, new SwitchBackTo(s.Rotation.Old)),
        (Aborting { Stage: AbortStage.Restore } s, SwitchFailed) => new(s, new SetAlarm(Alarm.Retry, EvidenceInterval)),
        (Aborting { Stage: AbortStage.Restore } s, Switched e) => new(s with { Stage = AbortStage.Return, SessionAtSwitch = e.Session }, new RestartNucleus()),
        (Aborting { Stage: AbortStage.Return } s, Restarted e) when e.Session == s.SessionAtSwitch => new(s, new RestartNucleus()),
        (Aborting { Stage: AbortStage.Return } s, Restarted) => Report(s.Rotation, s.Reason),
        (Aborting { Stage: AbortStage.Return } s, RestartFailed) => new(s, new SetAlarm(Alarm.Retry, EvidenceInterval)),
        (Aborting { Stage: AbortStage.Return } s, AlarmRang { Alarm: Alarm.Retry }) => new(s, new RestartNucleus()),
        (Aborting { Stage: AbortStage.Report } s, Restarted) => Report(s.Rotation, s.Reason),
        (Aborting { Stage: AbortStage.Report } s, UpdateAccepted) => Rest(s.Rotation.AnswersTokens, s.Reason),
        (Aborting { Stage: AbortStage.Report } s, UpdateRefused { Code: JobRefusalCode.VersionMismatch, Actual: { IsMarked: true, Status: JobStatus.InProgress } actual }) =>
            Report(s.Rotation with { Version = actual.Version }, s.Reason),
        (Aborting { Stage: AbortStage.Report } s, UpdateRefused { Code: JobRefusalCode.VersionMismatch } or UpdateRefused { Actual: not null }) =>
            Rest(s.Rotation.AnswersTokens, s.Reason),
        (Aborting { Stage: AbortStage.Report } s, UpdateRefused e) when JobRefusalCode.EndsReporting(e.Code) => Rest(s.Rotation.AnswersTokens, s.Reason),
        (Aborting { Stage: AbortStage.Report } s, UpdateRefused) => new(s, Failure(s.Rotation, s.Reason, afterPause: true)),

        // Steps are for the operator to read: their answers tell the execution's version and nothing else.
        (not Committed, StepNoted { IsShown: true } e) when state.Current?.Version < e.Version => new(state.At(e.Version)),
        (not Committed, StepNoted e) when state.Current?.Version < e.Version => Showing(state.At(e.Version)),

        _ => new(state),
    };

    private const string TimeIsUp = "too little of the job's time was left to wait for a certificate";

    private static Step Rest(bool answersTokens, string? outcome = null) =>
        new(new Idle(answersTokens, outcome), new Ask(new NextJob(), AfterPause: outcome is null), new Ask(new Attest()), new SetAlarm(Alarm.KeptAnHour, Hour));

    private static Ask Begin(JobExecution job) => new(new UpdateJob(
        job.JobId, job.Number, job.Version, JobStatus.InProgress, StatusDetails.Of("making a key and asking for its certificate")));

    private static CurrentRotation Describe(Starting s, string old, string @new) =>
        new(s.Job.JobId, s.Job.Number, s.Job.QueuedAt, s.Job.Version, old, @new, AnswersTokens: s.AnswersTokens);

    private static Step WaitForCertificate(Starting s, Prepared e)
    {
        var rotation = Describe(s, e.Old, e.New);
        return s.Job.SecondsLeft is { } seconds
            ? new(new Keyed(rotation), Certificate(rotation), new SetAlarm(Alarm.Deadline, AtLeastZero(TimeSpan.FromSeconds(seconds) - JobReserve)), new SetAlarm(Alarm.Poll, Patience))
            : new(new Keyed(rotation), Certificate(rotation), new SetAlarm(Alarm.Poll, JobLook));
    }

    private static Ask Certificate(CurrentRotation r, bool afterPause = false) =>
        new(new Create(r.JobId, r.ExecutionNumber, r.RotationId, r.New, IsForReference: !r.AnswersTokens), afterPause);

    private static Step TryAgain(Keyed s) => new(s, Certificate(s.Rotation, afterPause: true));

    private static Step Proof(CurrentRotation r) => Showing(new Issued(r), new Preflight(r.New), new SetAlarm(Alarm.Poll, Patience));

    private static Step Showing(RotationState state, params ReadOnlySpan<RotationEffect> effects)
    {
        var text = state switch
        {
            Issued => "the certificate is stored; trying it on a connection of its own",
            Proven => "switching to the new certificate and restarting Greengrass",
            Committing => "connected with the new certificate; asking for the old one to be retired",
            _ => null,
        };
        if (text is null)
            return new(state, [.. effects]);
        var r = state.Current!;
        return new(state, [new Tell(new UpdateJob(r.JobId, r.ExecutionNumber, r.Version, JobStatus.InProgress, StatusDetails.Of(text, r))), .. effects]);
    }

    private static CurrentRotation AsSeen(CurrentRotation r, JobExecution? job) => job is not null && r.Is(job) ? r with { Version = job.Version } : r;

    private static Step LookAt(RotationState state, CurrentRotation r, JobExecution? job) => job switch
    {
        null => Discard(r, "the job was ended or deleted"),
        { IsOver: true } => Discard(r, $"the job ended as {StatusDetails.NameOf(job.Status)}"),
        _ when !r.Is(job) => Discard(r, "the job was started anew"),
        { SecondsLeft: { } seconds } when state is Keyed && seconds <= JobReserve.TotalSeconds => Discard(r, TimeIsUp),
        { SecondsLeft: { } seconds } when state is Keyed => new(state.At(job.Version), new SetAlarm(Alarm.Deadline, TimeSpan.FromSeconds(seconds) - JobReserve)),
        { } seen => new(state.At(seen.Version)),
    };

    private static Ask Decision(CurrentRotation r, bool afterPause = false) => new(new Commit(r.JobId, r.RotationId), afterPause);

    private static int Strikes(int before, Compared e) =>
        (e.OldBefore, e.New, e.OldAfter) is (ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted) ? before + 1 : 0;

    private static int Refusals(int before, Compared e) =>
        e.IsStranded ? before + 1 : (e.OldBefore, e.New, e.OldAfter) is (ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed) ? before : 0;

    private static readonly string AgainstNew = $"the cloud accepts the old certificate and not the new one, {StrikesNeeded} times over ten minutes";

    private static Step Weigh(RotationState state, CurrentRotation r, int strikes, int refusals, Alternation turns) =>
        strikes >= StrikesNeeded ? Restore(r, AgainstNew)
        : refusals >= StrikesNeeded ? OldsTurn(r, turns)
        : new(state, new SetAlarm(Alarm.Evidence, strikes > 0 ? EvidenceInterval : refusals > 0 ? Interval(turns) : Patience));

    private static Step WeighOldsTurn(Stranded s) =>
        s.Strikes >= StrikesNeeded ? Report(s.Rotation, AgainstNew)
        : s.Rounds >= StrikesNeeded && s.Strikes == 0 ? NewsTurn(s)
        : new(s, new SetAlarm(Alarm.Evidence, s.Strikes > 0 || s.IsHeard ? EvidenceInterval : Interval(s.Turns)));

    private static TimeSpan Interval(Alternation turns)
    {
        var doubled = EvidenceInterval * Math.Pow(2, Math.Min(turns.Turn, 16));
        return doubled < LongestInterval ? doubled : LongestInterval;
    }

    private static Step OldsTurn(CurrentRotation r, Alternation turns) => new(
        new Stranded(r with { Note = "for a while neither certificate got the device connected; they were tried by turns" }, turns with { Turn = turns.Turn + 1 }),
        new SwitchBackTo(r.Old));

    private static Step NewsTurn(Stranded s) => new(
        new Switching(s.Rotation, 1, s.Turns with { Turn = s.Turns.Turn + 1, OldWasHeard = s.IsHeard }), new SwitchTo(s.Rotation.New));

    private static Step KeepBoth(CurrentRotation r)
    {
        var noted = r with { Note = "the commit was repeated and its answer lost; the old key is kept for a day" };
        return new(new Committed(noted, KeepOld: true), Success(noted));
    }

    private static Ask Success(CurrentRotation r, bool afterPause = false) => new(
        new UpdateJob(r.JobId, r.ExecutionNumber, r.Version, JobStatus.Succeeded, StatusDetails.Of("the new certificate is in use", r)), afterPause);

    private static Step Again(Committed s, bool afterPause = true) => new(s, Success(s.Rotation, afterPause));

    private static Step Finish(Committed s) => s.KeepOld
        ? Rest(s.Rotation.AnswersTokens, "rotated; " + s.Rotation.Note)
        : new(s, new Remove(s.Rotation.Old));

    private static Step Discard(CurrentRotation r, string reason) =>
        new(new Aborting(r, reason, AbortStage.Discard), new Remove(r.New));

    private static Step Restore(CurrentRotation r, string reason) =>
        new(new Aborting(r, reason, AbortStage.Restore), new SwitchBackTo(r.Old));

    private static Step Report(CurrentRotation r, string reason) =>
        new(new Aborting(r, reason, AbortStage.Report), Failure(r, reason));

    private static Ask Failure(CurrentRotation r, string reason, bool afterPause = false) => new(
        new UpdateJob(r.JobId, r.ExecutionNumber, r.Version, JobStatus.Failed, StatusDetails.Of("the old credential is in use, untouched", r, reason)), afterPause);

    private static TimeSpan AtLeastZero(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;
}
