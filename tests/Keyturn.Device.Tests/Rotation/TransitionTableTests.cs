using System.Collections;
using System.Globalization;
using System.Reflection;
using Keyturn.Contracts;
using Keyturn.Device.Rotation;
using static Keyturn.Device.Rotation.RotationState;
using Event = Keyturn.Device.Rotation.RotationEvent;

namespace Keyturn.Device.Tests.Rotation;

/// <summary>
/// What every event does in every state, as the text that <c>transitions.txt</c> is: a change of the machine is a change of lines there, to be
/// read by whoever reviews it. What is not listed changes nothing.
/// </summary>
public sealed class TransitionTableTests
{
    private static readonly CurrentRotation R = new("job-1", 1, 100, 2, "gen-1", "gen-2", "r-1", "abc", AnswersTokens: true);
    private static readonly Alternation Turns = new(Turn: 1);
    private static readonly JobExecution Ours = new("job-1", 1, 7, 100, JobStatus.InProgress, true, true);
    private static readonly JobExecution Queued = new("job-1", 1, 1, 100, JobStatus.Queued, true, false);

    [Fact]
    public void The_machine_does_what_the_table_says_and_nothing_else()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Rotation", "transitions.txt");
        var actual = Table();
        var written = Path.Combine(Path.GetTempPath(), "transitions.txt");
        if (!File.Exists(path) || File.ReadAllText(path) != actual)
        {
            File.WriteAllText(written, actual);
        }

        Assert.True(File.Exists(path) && File.ReadAllText(path) == actual, $"compare tests/Keyturn.Device.Tests/Rotation/transitions.txt with {written}");
    }

    [Fact]
    public void Nothing_at_rest_has_a_version_of_an_execution() => Assert.Equal(new Idle(), new Idle().At(3));

    private static readonly RotationState[] States =
    [
        new Idle(), new Idle(AnswersTokens: true), new Idle(KeptLongEnough: true), new Idle(HoursKept: 22), new Idle(HoursKept: 23), new Idle(AnswersTokens: true, KeptLongEnough: true),
        new Starting(Queued, true), new Starting(Queued with { SecondsLeft = 600 }, false), new Starting(Queued with { SecondsLeft = 100 }, false),
        new Keyed(R), new Keyed(R with { AnswersTokens = false }), new Keyed(R, UncodedRefusals: 1), new Issued(R), new Proven(R), new Switching(R, 1), new Switching(R, 1, Turns),
        new Trial(R, "at-switch", 1), new Trial(R, "at-switch", 5), new Trial(R, "at-switch", 1, Reconnected: true), new Trial(R, "at-switch", 1, Reconnected: true, Strikes: 4),
        new Trial(R, "at-switch", 1, Reconnected: true, BothRefused: 4), new Trial(R, "at-switch", 1, Reconnected: true, BothRefused: 4, Turns: Turns), new Trial(R, "at-switch", 1, Turns: Turns), new Trial(R, "at-switch", 5, Turns: Turns),
        new Trial(R, "at-switch", 1, Reconnected: true, Turns: Turns), new Trial(R, "at-switch", 1, Reconnected: true, Turns: Turns with { IsCommitted = true, KeepOld = true }),
        new Committing(R, 1), new Committing(R, 5), new Committing(R, 1, Strikes: 4), new Committing(R, 1, Final: new Refusal("no", "CODE")), new Committing(R, 1, BothRefused: 4),
        new Committed(R), new Committed(R with { Note = "noted" }, KeepOld: true), new Committed(R, Strikes: 4), new Committed(R, KeepOld: true, BothRefused: 4),
        new Stranded(R, Turns), new Stranded(R, Turns, Reconnected: true), new Stranded(R, Turns, "at-switch"), new Stranded(R, Turns, "at-switch", Reconnected: true),
        new Stranded(R, Turns with { OldWasHeard = true }, "at-switch", Reconnected: true), new Stranded(R, Turns, "at-switch", Reconnected: true, IsHeard: true),
        new Stranded(R, Turns with { Turn = 7 }, "at-switch", Reconnected: true, Rounds: 4), new Stranded(R, Turns, "at-switch", Reconnected: true, Strikes: 1, Rounds: 5),
        new Stranded(R, Turns, "at-switch", Reconnected: true, Strikes: 4),
        new Aborting(R, "why", AbortStage.Discard), new Aborting(R, "why", AbortStage.Restore), new Aborting(R, "why", AbortStage.Return, "at-switch"),
        new Aborting(R, "why", AbortStage.Report),
    ];

    private static IEnumerable<Event> Events() =>
    [
        new Event.Restarted("at-switch"), new Event.Restarted("younger"), new Event.QueueChanged(),
        new Event.NextJobSeen(null), new Event.NextJobSeen(Queued), new Event.NextJobSeen(Ours), new Event.NextJobSeen(Queued with { IsRotation = false }),
        new Event.NextJobSeen(Ours with { JobId = "job-2" }), new Event.NextJobSeen(Ours with { Number = 2 }), new Event.NextJobSeen(Ours with { QueuedAt = 200 }),
        new Event.NextJobSeen(Ours with { Status = JobStatus.TimedOut }),
        new Event.JobSeen(null), new Event.JobSeen(Ours), new Event.JobSeen(Queued), new Event.JobSeen(Ours with { JobId = "job-2" }), new Event.JobSeen(Ours with { Number = 2 }),
        new Event.JobSeen(Ours with { QueuedAt = 200 }), new Event.JobSeen(Ours with { SecondsLeft = 180 }), new Event.JobSeen(Ours with { SecondsLeft = 181 }),
        .. from status in (JobStatus[])[JobStatus.Succeeded, JobStatus.Failed, JobStatus.Rejected, JobStatus.TimedOut, JobStatus.Canceled, JobStatus.Removed]
           select new Event.JobSeen(Ours with { Status = status }),
        new Event.JobSeen(Ours with { Status = JobStatus.Succeeded, QueuedAt = 200 }),
        new Event.UpdateAccepted(3),
        .. from code in (string[])[JobRefusalCode.VersionMismatch, JobRefusalCode.TerminalStateReached, JobRefusalCode.InvalidStateTransition, JobRefusalCode.ResourceNotFound, "InternalError"]
           from actual in (JobExecutionState?[])[null, new(JobStatus.InProgress, 2, true), new(JobStatus.InProgress, 5, true), new(JobStatus.InProgress, 2, false), new(JobStatus.Queued, 2, true), new(JobStatus.Succeeded, 2, true)]
           select new Event.UpdateRefused(code, actual),
        new Event.StepNoted(9, true), new Event.StepNoted(9, false), new Event.StepNoted(2, true), new Event.StepNoted(1, false),
        new Event.Prepared("gen-1", "gen-2"), new Event.PreparationFailed("no"), new Event.Certified("pem", "r-2", true), new Event.Certified("pem", null, false),
        .. from refusal in Refusals() select new Event.CreateRefused(refusal),
        new Event.CertificateStored("def"), new Event.CertificateUnfit("no"), new Event.PreflightDone(PreflightOutcome.Passed, null),
        new Event.PreflightDone(PreflightOutcome.Refused, "no"), new Event.PreflightDone(PreflightOutcome.Inconclusive, "no probe"), new Event.NoDeployment(),
        new Event.Switched("session"), new Event.SwitchFailed("no"), new Event.RestartFailed("no"), new Event.CommitAccepted(),
        .. from refusal in Refusals() from repeated in (bool[])[false, true] select new Event.CommitRefused(refusal, repeated),
        new Event.AttestAccepted(null), new Event.AttestAccepted("nonce"), new Event.AttestRefused(new Refusal("no")), new Event.AttestRefused(new Refusal("no", CarriedToken: true)),
        new Event.CredentialRemoved(),
        .. from before in (ProbeResult[])[ProbeResult.Accepted, ProbeResult.Failed]
           from @new in (ProbeResult[])[ProbeResult.Accepted, ProbeResult.Failed]
           from after in (ProbeResult[])[ProbeResult.Accepted, ProbeResult.Failed]
           select new Event.Compared(before, @new, after),
        new Event.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed, IsStranded: true),
        .. from alarm in Enum.GetValues<Alarm>() select new Event.AlarmRang(alarm),
    ];

    private static Refusal[] Refusals() =>
    [
        new("no"), new("no", Retryable: true), new("no", CarriedToken: true), new("no", RefusalCode.TryAgain), new("no", RefusalCode.RotationOpen, Retryable: true, CarriedToken: true),
        new("no", RefusalCode.CsrRefused), new("no", RefusalCode.KeyReused, Retryable: false), new("no", RefusalCode.WrongPrincipal, Retryable: true), new("no", RefusalCode.ClosedInFavourOfOld), new("no", RefusalCode.RotationFrozen),
    ];

    /// <summary>Events with one outcome stand together, before it.</summary>
    private static string Table()
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        foreach (var state in States)
        {
            text.WriteLine(Show(state));
            var outcomes = Events().Select(e => (Event: Show(e), Step: RotationMachine.Next(state, e)))
                .Where(o => o.Step.State != state || o.Step.Effects.Length > 0)
                .GroupBy(o => string.Concat([o.Step.State == state ? "stays" : Show(o.Step.State), .. o.Step.Effects.Select(f => "; " + Show(f))]));
            foreach (var outcome in outcomes)
            {
                text.WriteLine($"  {string.Join(" | ", outcome.Select(o => o.Event))}\n    -> {outcome.Key}");
            }

            text.WriteLine();
        }

        return text.ToString();
    }

    /// <summary>A record as its name and what distinguishes it; the rotation by what differs from the one that all states are of.</summary>
    private static string Show(object? value) => value switch
    {
        null => "nothing",
        string text => text,
        TimeSpan span => span.ToString("c", CultureInfo.InvariantCulture),
        CurrentRotation rotation => $"R{Members(rotation, R)}",
        JobExecution job => $"job{Members(job, Ours)}",
        CloudRequest.UpdateJob u => $"{StatusDetails.NameOf(u.Status)}({u.JobId}/{u.ExecutionNumber}/{u.ExpectedVersion} {Show(u.Details)})",
        IDictionary map => $"{{{string.Join(", ", map.Keys.Cast<string>().Select(k => $"{k}={map[k]}"))}}}",
        _ when value.GetType().GetMethod("<Clone>$") is not null => value.GetType().Name + Members(value, null),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Members(object value, object? like)
    {
        var members =
            from parameter in value.GetType().GetConstructors(BindingFlags.Public | BindingFlags.Instance)[0].GetParameters()
            let property = value.GetType().GetProperty(parameter.Name!)!
            let member = property.GetValue(value)
            where like is null
                ? !(parameter.HasDefaultValue && Equals(member, parameter.DefaultValue))
                : !Equals(member, property.GetValue(like))
            select member is CurrentRotation or CloudRequest or Refusal or JobExecution or Alarm or string ? Show(member) : $"{parameter.Name} {Show(member)}";
        return members.Any() ? $"({string.Join(", ", members)})" : "";
    }
}
