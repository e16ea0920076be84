using Keyturn.Device.Rotation;
using static Keyturn.Device.Rotation.RotationEffect;
using static Keyturn.Device.Rotation.RotationState;

namespace Keyturn.Device.Tests.Rotation;

/// <summary>The turns of two credentials that the cloud refuses, transition by transition.</summary>
public sealed class StrandedTests
{
    private const ProbeResult Yes = ProbeResult.Accepted, No = ProbeResult.Failed;
    private static readonly CurrentRotation R = new("job-1", 1, 100, 2, "gen-1", "gen-2", "r-1", "abc", AnswersTokens: true);
    private static readonly RotationEvent.Compared Both = new(No, No, No, IsStranded: true), Nothing = new(No, No, No), OnlyOld = new(Yes, No, Yes);
    private static readonly Stranded OldsTurn = new(R, new Alternation(1), "at-switch", Reconnected: true);
    private static readonly Trial NewsTurn = new(R, "at-switch", 1, Turns: new Alternation(2));

    public static TheoryData<string, int> Undecided => new() { { nameof(Trial), 0 }, { nameof(Trial), 2 }, { nameof(Committing), 0 }, { nameof(Committed), 0 } };

    [Theory]
    [MemberData(nameof(Undecided))]
    public void Five_rounds_in_which_the_cloud_refused_both_begin_the_olds_turn(string name, int turn)
    {
        RotationState state = name switch
        {
            nameof(Trial) => NewsTurn with { Reconnected = true, Turns = turn == 0 ? null : new Alternation(turn) },
            nameof(Committing) => new Committing(R, 1),
            _ => new Committed(R, KeepOld: true),
        };
        var interval = RotationMachine.EvidenceInterval * Math.Pow(2, turn);
        for (var round = 1; round < RotationMachine.StrikesNeeded; round++)
        {
            var step = RotationMachine.Next(state, Both);
            Assert.Equal(new SetAlarm(Alarm.Evidence, interval), Assert.Single(step.Effects));
            // No network between them is no reason to count anew, and none to count on.
            state = RotationMachine.Next(step.State, Nothing).State;
            Assert.Equal(step.State, state);
        }
        var last = RotationMachine.Next(state, Both);
        var stranded = Assert.IsType<Stranded>(last.State);
        Assert.Equal(
            new Alternation(turn + 1, IsCommitted: name == nameof(Committed), KeepOld: name == nameof(Committed), CommitWasSent: name == nameof(Committing)), stranded.Turns);
        Assert.Equal(new SwitchBackTo("gen-1"), Assert.Single(last.Effects));
    }

    [Fact]
    public void One_that_was_accepted_in_between_begins_the_count_anew() =>
        Assert.Equal(0, Assert.IsType<Trial>(RotationMachine.Next(NewsTurn with { Reconnected = true, BothRefused = 4 }, new RotationEvent.Compared(No, Yes, No)).State).BothRefused);

    [Fact]
    public void The_intervals_end_growing_at_a_fifth_of_a_day_and_more()
    {
        var step = RotationMachine.Next(OldsTurn with { Turns = new Alternation(900) }, Both);
        Assert.Equal(new SetAlarm(Alarm.Evidence, RotationMachine.LongestInterval), Assert.Single(step.Effects));
    }

    [Fact]
    public void What_can_not_be_done_now_is_tried_again_and_again()
    {
        var retry = new SetAlarm(Alarm.Retry, RotationMachine.EvidenceInterval);
        Stranded before = new(R, new Alternation(1)), told = OldsTurn with { Reconnected = false };
        Check(before, new RotationEvent.SwitchFailed("no"), retry);
        Check(told, new RotationEvent.RestartFailed("no"), retry);
        Check(told, new RotationEvent.AlarmRang(Alarm.Retry), new RestartNucleus());
        // Not after five times either: a commit may have been heard.
        Check(NewsTurn with { Attempt = 99 }, new RotationEvent.RestartFailed("no"), retry);
        Check(NewsTurn, new RotationEvent.AlarmRang(Alarm.Retry), new RestartNucleus());

        static void Check(RotationState state, RotationEvent happened, RotationEffect effect)
        {
            var step = RotationMachine.Next(state, happened);
            Assert.Equal(state, step.State);
            Assert.Equal(effect, Assert.Single(step.Effects));
        }
    }

    [Fact]
    public void An_old_one_that_can_not_be_put_in_place_is_passed_over()
    {
        var step = RotationMachine.Next(new Stranded(R, new Alternation(1, IsCommitted: true)), new RotationEvent.AlarmRang(Alarm.Retry));
        Assert.Equal(new Switching(R, 1, new Alternation(2, IsCommitted: true)), step.State);
        Assert.Equal(new SwitchTo("gen-2"), Assert.Single(step.Effects));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_nucleus_that_does_not_come_up_and_a_switch_that_fails_end_the_news_turn(bool isSwitch)
    {
        RotationState state = isSwitch ? new Switching(R, 1, new Alternation(2, IsCommitted: true)) : NewsTurn;
        var step = RotationMachine.Next(state, isSwitch ? new RotationEvent.SwitchFailed("no") : new RotationEvent.AlarmRang(Alarm.Overdue));
        Assert.Equal(3, Assert.IsType<Stranded>(step.State).Turns.Turn);
        Assert.Equal(new SwitchBackTo("gen-1"), Assert.Single(step.Effects));
    }

    [Fact]
    public void The_new_one_has_its_turn_at_once_when_the_cloud_accepts_it()
    {
        var step = RotationMachine.Next(OldsTurn with { IsHeard = true }, new RotationEvent.Compared(Yes, Yes, Yes));
        Assert.Equal(new Switching(R, 1, new Alternation(2, OldWasHeard: true)), step.State);
        Assert.Equal(new SwitchTo("gen-2"), Assert.Single(step.Effects));
        var trial = RotationMachine.Next(step.State, new RotationEvent.Switched("session"));
        Assert.Equal(new Alternation(2, OldWasHeard: true), Assert.IsType<Trial>(trial.State).Turns);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_new_one_has_its_turn_after_five_rounds_that_told_nothing(bool isHeard)
    {
        RotationState state = OldsTurn with { IsHeard = isHeard };
        for (var round = 1; round < RotationMachine.StrikesNeeded; round++)
            state = Assert.IsType<Stranded>(RotationMachine.Next(state, isHeard ? Nothing : Both).State);
        Assert.IsType<Switching>(RotationMachine.Next(state, isHeard ? Nothing : Both).State);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void The_old_one_heard_before_and_after_the_news_turn_is_evidence_until_a_commit_was_sent(bool isCommitted, bool wasSent)
    {
        var state = OldsTurn with { Turns = new Alternation(3, isCommitted, OldWasHeard: true, CommitWasSent: wasSent) };
        var step = RotationMachine.Next(state, new RotationEvent.NextJobSeen(null));
        if (isCommitted || wasSent)
        {
            Assert.Equal(state with { IsHeard = true }, step.State);
            Assert.Equal(new Compare("gen-1", "gen-2"), Assert.Single(step.Effects));
        }
        else
        {
            Assert.Equal(AbortStage.Report, Assert.IsType<Aborting>(step.State).Stage);
        }
    }

    [Fact]
    public void What_a_late_answer_tells_of_the_executions_version_is_kept() =>
        Assert.Equal(OldsTurn with { Rotation = R with { Version = 7 } }, RotationMachine.Next(OldsTurn, new RotationEvent.StepNoted(7, IsShown: true)).State);

    [Fact]
    public void No_network_in_the_olds_turn_counts_for_nothing() => Assert.Equal(OldsTurn, RotationMachine.Next(OldsTurn, Nothing).State);

    [Fact]
    public void Evidence_in_the_olds_turn_ends_the_rotation_over_it()
    {
        // Four rounds that told nothing do not cut the evidence short.
        RotationState state = OldsTurn with { IsHeard = true, Rounds = 4 };
        for (var round = 1; round < RotationMachine.StrikesNeeded; round++)
        {
            var step = RotationMachine.Next(state, OnlyOld);
            Assert.Equal(new SetAlarm(Alarm.Evidence, RotationMachine.EvidenceInterval), Assert.Single(step.Effects));
            state = step.State;
        }
        var last = RotationMachine.Next(state, OnlyOld);
        Assert.Equal(AbortStage.Report, Assert.IsType<Aborting>(last.State).Stage);
        Assert.IsType<CloudRequest.UpdateJob>(Assert.IsType<Ask>(Assert.Single(last.Effects)).Request);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void An_answer_over_the_new_one_goes_on_where_the_rotation_was(bool isCommitted, bool keepOld)
    {
        var step = RotationMachine.Next(NewsTurn with { Reconnected = true, Turns = new Alternation(4, isCommitted, keepOld) }, new RotationEvent.NextJobSeen(null));
        if (isCommitted)
            Assert.Equal(new Committed(R, keepOld), step.State);
        else
            Assert.IsType<Committing>(step.State);
    }
}
