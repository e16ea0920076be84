using Keyturn.Contracts;
using Keyturn.Device.Rotation;
using static Keyturn.Device.Rotation.RotationEffect;
using static Keyturn.Device.Rotation.RotationState;

namespace Keyturn.Device.Tests.Rotation;

public sealed class RotationMachineTests
{
    private static readonly CurrentRotation R = new("job-1", 1, 100, 2, "gen-1", "gen-2", "r-1", "abc", AnswersTokens: true);
    private static readonly RotationEvent.Compared OnlyOld = new(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted);

    /// <summary>The recovery table: what is done first after a restart in each state that a journal can hold.</summary>
    public static TheoryData<string, Type> Recovery => new()
    {
        { nameof(Idle), typeof(CloudRequest.NextJob) },
        { nameof(Keyed), typeof(CloudRequest.Create) },
        { nameof(Issued), typeof(Preflight) },
        { nameof(Proven), typeof(AwaitNoDeployment) },
        { nameof(Switching), typeof(SwitchTo) },
        { nameof(Trial), typeof(CloudRequest.NextJob) },
        { nameof(Committing), typeof(CloudRequest.Commit) },
        { nameof(Committed), typeof(CloudRequest.UpdateJob) },
        { "Old's turn", typeof(SwitchBackTo) },
        { nameof(Stranded), typeof(CloudRequest.NextJob) },
        { "Discard", typeof(Remove) },
        { "Restore", typeof(SwitchBackTo) },
        { "Return", typeof(CloudRequest.UpdateJob) },
        { "Report", typeof(CloudRequest.UpdateJob) },
    };

    [Theory]
    [MemberData(nameof(Recovery))]
    public void A_restart_takes_up_what_the_journal_says(string state, Type first)
    {
        var effect = RotationMachine.Next(States[state], new RotationEvent.Restarted("younger")).Effects[0];
        Assert.IsType(first, effect is Ask ask ? ask.Request : effect);
    }

    [Theory]
    [InlineData(nameof(Trial))]
    [InlineData(nameof(Stranded))]
    [InlineData("Return")]
    public void A_nucleus_older_than_the_switch_is_restarted_and_not_believed(string state)
    {
        var step = RotationMachine.Next(States[state], new RotationEvent.Restarted("at-switch"));
        Assert.IsType<RestartNucleus>(Assert.Single(step.Effects));
        var unmoved = RotationMachine.Next(step.State, new RotationEvent.NextJobSeen(null));
        Assert.Equal(step.State, unmoved.State);
    }

    [Theory]
    [InlineData(nameof(Trial))]
    [InlineData(nameof(Committing))]
    [InlineData(nameof(Committed))]
    public void Five_rounds_of_evidence_in_a_row_and_no_fewer_bring_the_old_credential_back(string name)
    {
        var state = name == nameof(Trial) ? RotationMachine.Next(States[name], new RotationEvent.Restarted("younger")).State : States[name];
        for (var round = 1; round < RotationMachine.StrikesNeeded; round++)
        {
            var step = RotationMachine.Next(state, OnlyOld);
            Assert.Equal(new SetAlarm(Alarm.Evidence, RotationMachine.EvidenceInterval), Assert.Single(step.Effects));
            state = step.State;
        }
        var last = RotationMachine.Next(state, OnlyOld);
        Assert.Equal(AbortStage.Restore, Assert.IsType<Aborting>(last.State).Stage);
        Assert.Equal(new SwitchBackTo("gen-1"), Assert.Single(last.Effects));
    }

    [Theory]
    [InlineData(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed)]
    [InlineData(ProbeResult.Accepted, ProbeResult.Accepted, ProbeResult.Accepted)]
    [InlineData(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Failed)]
    [InlineData(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Accepted)]
    [InlineData(ProbeResult.Failed, ProbeResult.Accepted, ProbeResult.Failed)]
    public void Anything_but_the_old_one_alone_starts_the_count_anew(object before, object @new, object after)
    {
        var state = new Trial(R, "at-switch", 1, Reconnected: true, Strikes: 4);
        var step = RotationMachine.Next(state, new RotationEvent.Compared((ProbeResult)before, (ProbeResult)@new, (ProbeResult)after));
        Assert.Equal(state with { Strikes = 0 }, step.State);
    }

    [Theory]
    [InlineData(true, typeof(Aborting))]
    [InlineData(false, typeof(Committing))]
    public void A_final_refusal_of_the_commit_counts_only_if_the_old_credential_is_accepted(bool oldIsAccepted, Type next)
    {
        var refused = RotationMachine.Next(States[nameof(Committing)], new RotationEvent.CommitRefused(new Refusal("no", RefusalCode.ClosedInFavourOfOld), false));
        Assert.Equal(new Compare("gen-1", "gen-2"), Assert.Single(refused.Effects));
        var found = oldIsAccepted ? ProbeResult.Accepted : ProbeResult.Failed;
        Assert.IsType(next, RotationMachine.Next(refused.State, new RotationEvent.Compared(found, ProbeResult.Accepted, found)).State);
    }

    [Fact]
    public void An_uncoded_refusal_of_a_repeated_commit_keeps_both_credentials_and_reports_success()
    {
        var step = RotationMachine.Next(States[nameof(Committing)], new RotationEvent.CommitRefused(new Refusal(RefusalCode.ReferenceText), IsRepeated: true));
        Assert.True(Assert.IsType<Committed>(step.State).KeepOld);
        var done = RotationMachine.Next(step.State, new RotationEvent.UpdateAccepted(3));
        Assert.IsType<Idle>(done.State);
        Assert.DoesNotContain(done.Effects, e => e is Remove or Sweep);
    }

    [Theory]
    [InlineData(RefusalCode.TryAgain)]
    [InlineData(RefusalCode.WrongClientId)]
    [InlineData(RefusalCode.UnknownRotation)]
    [InlineData("A_CODE_OF_A_LATER_BACKEND")]
    public void No_other_refusal_of_a_commit_gives_the_new_credential_up(string code) =>
        Assert.IsType<Committing>(RotationMachine.Next(States[nameof(Committing)], new RotationEvent.CommitRefused(new Refusal("no", code), true)).State);

    [Theory]
    [InlineData(179, typeof(Aborting))]
    [InlineData(600, typeof(Keyed))]
    public void A_certificate_is_not_waited_for_when_little_of_the_jobs_time_is_left(int secondsLeft, Type next)
    {
        var job = new JobExecution("job-1", 1, 2, 100, JobStatus.InProgress, true, true, secondsLeft);
        Assert.IsType(next, RotationMachine.Next(States[nameof(Keyed)], new RotationEvent.JobSeen(job)).State);
    }

    [Fact]
    public void The_same_job_id_queued_again_is_another_rotation()
    {
        var again = new JobExecution("job-1", 1, 2, 200, JobStatus.InProgress, true, true);
        Assert.IsType<Aborting>(RotationMachine.Next(States[nameof(Keyed)], new RotationEvent.JobSeen(again)).State);
    }

    [Fact]
    public void The_old_credential_is_removed_only_once_success_is_known_to_the_jobs_service()
    {
        RotationEvent[] others =
        [
            new RotationEvent.CommitAccepted(), new RotationEvent.NextJobSeen(null), new RotationEvent.UpdateRefused("InternalError", null),
            new RotationEvent.UpdateRefused(JobRefusalCode.TerminalStateReached, null), new RotationEvent.JobSeen(null), new RotationEvent.AttestAccepted(null),
        ];
        Assert.All(others, e => Assert.DoesNotContain(RotationMachine.Next(States[nameof(Committed)], e).Effects, f => f is Remove or Sweep));
        Assert.Equal(new Remove("gen-1"), Assert.Single(RotationMachine.Next(States[nameof(Committed)], new RotationEvent.UpdateAccepted(3)).Effects));
    }

    [Fact]
    public void Before_the_switch_nothing_ever_touches_the_credential_in_use()
    {
        foreach (var name in (string[])[nameof(Idle), nameof(Keyed), nameof(Issued), "Discard"])
        {
            Assert.All(Events, e => Assert.DoesNotContain(
                RotationMachine.Next(States[name], e).Effects, f => f is SwitchTo or SwitchBackTo or RestartNucleus or Remove { Credential: "gen-1" }));
        }
    }

    [Fact]
    public void No_event_in_any_state_throws_or_loses_the_rotation_silently()
    {
        foreach (var state in States.Values)
        {
            foreach (var happened in Events)
            {
                var step = RotationMachine.Next(state, happened);
                Assert.True(step.State is not Idle || step.State == state || state is Idle or Committed or Aborting { Stage: AbortStage.Report }, $"{state} forgot its rotation on {happened}");
            }
        }
    }

    [Fact]
    public void All_states_are_journalled_but_the_one_in_which_nothing_exists_yet()
    {
        Assert.All(States.Values, s => Assert.True(s.IsDurable));
        Assert.False(new Starting(new JobExecution("job-1", 1, 1, 100, JobStatus.Queued, true, false), true).IsDurable);
    }

    private static readonly Dictionary<string, RotationState> States = new()
    {
        [nameof(Idle)] = new Idle(),
        [nameof(Keyed)] = new Keyed(R),
        [nameof(Issued)] = new Issued(R),
        [nameof(Proven)] = new Proven(R),
        [nameof(Switching)] = new Switching(R, 1),
        [nameof(Trial)] = new Trial(R, "at-switch", 1),
        [nameof(Committing)] = new Committing(R, 1),
        [nameof(Committed)] = new Committed(R),
        ["Old's turn"] = new Stranded(R, new Alternation(1)),
        [nameof(Stranded)] = new Stranded(R, new Alternation(1), "at-switch"),
        ["New's turn"] = new Switching(R, 1, new Alternation(2)),
        ["Discard"] = new Aborting(R, "why", AbortStage.Discard),
        ["Restore"] = new Aborting(R, "why", AbortStage.Restore),
        ["Return"] = new Aborting(R, "why", AbortStage.Return, "at-switch"),
        ["Report"] = new Aborting(R, "why", AbortStage.Report),
    };

    private static readonly RotationEvent[] Events =
    [
        new RotationEvent.Restarted("younger"), new RotationEvent.QueueChanged(), new RotationEvent.NextJobSeen(null), new RotationEvent.JobSeen(null),
        new RotationEvent.UpdateAccepted(3), new RotationEvent.UpdateRefused(JobRefusalCode.VersionMismatch, new JobExecutionState(JobStatus.InProgress, 5, true)),
        new RotationEvent.UpdateRefused(JobRefusalCode.ResourceNotFound, null), new RotationEvent.Prepared("gen-1", "gen-2"), new RotationEvent.PreparationFailed("no"),
        new RotationEvent.Certified("pem", "r-1", true), new RotationEvent.CreateRefused(new Refusal("no", RefusalCode.CsrRefused)), new RotationEvent.CertificateStored("abc"),
        new RotationEvent.CertificateUnfit("no"), new RotationEvent.PreflightDone(PreflightOutcome.Passed, null), new RotationEvent.PreflightDone(PreflightOutcome.Refused, "no"),
        new RotationEvent.NoDeployment(), new RotationEvent.Switched("session"), new RotationEvent.SwitchFailed("no"), new RotationEvent.RestartFailed("no"),
        new RotationEvent.CommitAccepted(), new RotationEvent.CommitRefused(new Refusal("no"), true), new RotationEvent.AttestAccepted("nonce"),
        new RotationEvent.AttestRefused(new Refusal("no")), new RotationEvent.CredentialRemoved(), OnlyOld, new RotationEvent.AlarmRang(Alarm.Deadline), new RotationEvent.AlarmRang(Alarm.Evidence),
    ];
}
