namespace Keyturn.Simulation;

public sealed class SimulationTests
{
    [Fact]
    public void A_rotation_without_faults_succeeds_and_leaves_one_certificate()
    {
        using var log = new StringWriter();
        var verdict = Simulation.Run(Schedule.Quiet, log: log);
        Assert.True(verdict.Wrong.Count == 0, string.Join('\n', verdict.Wrong) + '\n' + log);
        foreach (var name in (string[])["create#2", "commit#1", "verify#1", "event#1", "create/accepted#2", "close/iot.DeleteCertificate#1", "restart#1"])
            Assert.Contains(verdict.Points, p => p.Name == name);
    }

    [Fact]
    public void The_same_schedule_makes_the_same_run()
    {
        var schedule = Schedule.Parse("Drop@create#2 LosePower@disk#40 Delay@commit/accepted#2 seed=7");
        Assert.Equal(Simulation.Run(schedule).Points, Simulation.Run(schedule).Points);
        Assert.Equal("Drop@create#2 LosePower@disk#40 Delay@commit/accepted#2 seed=7", schedule.ToString());
    }

    /// <summary>Whatever the device had done by then, and whether or not it hears of the job's end in between.</summary>
    [Theory]
    [InlineData("Shut@restart#1")]
    [InlineData("Shut@commit#1")]
    [InlineData("Shut@commit/accepted#1")]
    [InlineData("Shut@commit/accepted#2")]
    [InlineData("Shut@restart#1 Shut@jobs/$next/get#4 seed=3")]
    public void While_the_cloud_refuses_both_credentials_they_have_turns(string line)
    {
        using var log = new StringWriter();
        var verdict = Simulation.Run(Schedule.Parse(line), log: log);
        Assert.True(verdict.Wrong.Count == 0, string.Join('\n', verdict.Wrong) + '\n' + log);
        Assert.Contains("-> Stranded", log.ToString(), StringComparison.Ordinal);
    }

    /// <summary>What the simulation has found so far.</summary>
    [Theory]
    // Told twice: the job ended between the look at it and the opening of its rotation.
    [InlineData("TimeOut@create/iot.ListThingPrincipals#2")]
    [InlineData("TimeOut@create/ledger.Read#2")]
    // An alarm about an attest that the function's own retry brought after the commit.
    [InlineData("Throttle@create/data.Publish#1 Drop@create#2")]
    [InlineData("Delay@commit/accepted#2 Throttle@create/data.Publish#1 KillComponent@create/iot.AttachThingPrincipal#5 seed=1320")]
    // Two jobs queued within one second: the sweep took the earlier one for the later, and left two certificates active.
    [InlineData("RestartNucleus@create/iot.ListAttachedPolicies#4 SecondJob@create/iot.ListThingPrincipals#2 Throttle@close/iot.DeleteCertificate#1 seed=1297")]
    // The end of the earlier rotation came again after the later one had begun to retire, and took the later one's winner for a leftover.
    [InlineData("SecondJob@create/iot.ListAttachedPolicies#1 LosePower@close/iot.DescribeCertificate#5 Throttle@close/iot.DeleteCertificate#1 seed=3502")]
    // A certificate whose order was answered with an error was searched for in no time at all, and stayed active.
    [InlineData("KillComponent@create#1 Foreign@sweep/ledger.Read#2 Remove@create/iot.ListThingPrincipals#2 Duplicate@jobs/$next/get#2 LosePower@disk#4 FailAfter@create/iot.CreateCertificate#1 seed=5025")]
    // Told by nobody: the function died before telling, and the device had settled the rotation before the next attempt.
    [InlineData("TimeOut@jobs/job-1/update#3 Remove@create/iot.ListAttachedPolicies#3 FailAfter@sweep/iot.UpdateCertificate#1 Slow@close/iot.DescribeCertificate#1 FailAfter@close/ledger.TryUpdate#1 Foreign@commit/rejected#4 seed=2975")]
    [InlineData("SecondJob@create/data.Publish#3 TimeOut@commit/data.Publish#1 no-events seed=5475")]
    // The same, when the function died between closing the earlier rotation and telling of it.
    [InlineData("Remove@commit/ledger.Read#1 SecondJob@create/iot.CreateCertificate#1 Replay@create/rejected#2 KillAfter@create/ledger.TryUpdate#3 no-events seed=11023")]
    // An alarm about a winner that the next rotation had retired while the closing of the first one was slow.
    [InlineData("Slow@close/ledger.Read#1 SecondJob@create/jobs.DescribeJobExecution#1 KillComponent@create/iot.ListThingPrincipals#2 TimeOut@jobs/$next/get#2 SecondJob@create/ledger.Read#1 seed=79154")]
    // Two active certificates: the next rotation closed one whose certificate was being made, and the function that made it died at finding that out.
    [InlineData("Foreign@create/iot.AttachThingPrincipal#5 SecondJob@create/jobs.DescribeJobExecution#1 Foreign@commit/accepted#5 Remove@create/iot.ListThingPrincipals#2 Slow@create/ledger.Read#5 seed=205258")]
    // Stranded for ever: the removal of the old credential had begun when the cloud refused both, so that it could not be given its turn.
    [InlineData("Impostor@jobs/second-1/update#1 KillComponent@disk#161 KillBefore@commit/ledger.TryUpdate#1 Drop@commit/accepted#1 Shut@jobs/job-1/update/rejected#1 KillComponent@disk#103 seed=112290")]
    // Told by nobody: the sweep had claimed the message and died, and the next rotation took that for told.
    [InlineData("KillAfter@sweep/ledger.TryClaimNotice#1 KillAfter@create/ledger.TryUpdate#1 Foreign@commit/ledger.TryUpdate#1 Cancel@commit/data.Publish#1 Duplicate@jobs/job-1/get#2 SecondJob@sweep/ledger.Read#2 no-events seed=108661")]
    // Execution numbers that events lack: the end of one, heard late, was taken for that of its retry, which was queued in the same second.
    [InlineData("TimeOut@create/iot.CreateCertificate#1 Delay@event#1 retries")]
    [InlineData("TimeOut@restart#1 Throttle@close/ledger.Read#1 retries")]
    [InlineData("Recreate@commit/data.Publish#1")]
    [InlineData("Recreate@verify#1 FailAfter@close/ledger.TryUpdate#1")]
    [InlineData("Delay@create#2 TimeOut@create/iot.CreateCertificate#1 retries seed=4")]
    // A false alarm: a retry was taken for later than another job of the same second, which had come after it.
    [InlineData("SecondJob@jobs/notify-next#2 Remove@jobs/$next/get#7 Remove@close/iot.DeleteCertificate#7 TimeOut@jobs/job-1/update/accepted#4 retries seed=7968")]
    // A fault of the check: an end that was recorded and could not be told by any of the event's three attempts is a dead letter.
    [InlineData("Throttle@close/ledger.TryUpdate#1 KillAfter@close/iot.DeleteCertificate#1 FailAfter@close/ledger.TryClaimNotice#1 Remove@commit/accepted#1 Remove@sweep/ledger.ListDue#4 Remove@close/ledger.MarkNoticeSent#2 seed=68456")]
    // A fault of the simulation: detaching a certificate that another invocation had deleted is no error.
    [InlineData("Slow@close/iot.UpdateCertificate#1 Foreign@create#3 KillComponent@disk#5 FailAfter@close/iot.DetachThingPrincipal#3 SecondJob@commit/data.Publish#2 Impostor@sweep/ledger.TryUpdate#1 seed=17314")]
    public void What_was_found_is_mended(string line) => Assert.Empty(Simulation.Run(Schedule.Parse(line)).Wrong);

    private static readonly Lazy<Campaign> Explored = new(() =>
    {
        var campaign = Campaign.Begin();
        campaign.RunSingles((_, _) => { }, _ => { });
        return campaign;
    });

    /// <summary>A check is taken out around the product, and it shows.</summary>
    [Theory]
    [InlineData(Weakness.AnyToken)]
    [InlineData(Weakness.AnybodyCommits)]
    [InlineData(Weakness.AnyVersion)]
    public void Without_one_of_the_checks_there_are_bad_runs(object weakness)
    {
        var campaign = Explored.Value;
        var impostors = campaign.Singles.Where(f => f.Kind is FaultKind.Impostor).Select(f => new Schedule([f]));
        var drawn = Enumerable.Range(1, 6000).Select(s => Campaign.Drawn(campaign.Reachable, s));
        var schedules = impostors.Concat(drawn);

        Assert.Contains(schedules, s => Simulation.Run(s, (Weakness)weakness).Wrong.Count > 0);
    }

    [Fact]
    public void After_every_fault_every_pair_and_many_more_the_device_works_one_certificate_is_active_and_the_next_rotation_succeeds()
    {
        var bad = new List<string>();
        void Bad(Schedule schedule, Verdict verdict) => bad.Add($"{schedule}: {string.Join("; ", verdict.Wrong)}");
        var campaign = Campaign.Begin();
        var singles = campaign.RunSingles(Bad, _ => { });
        var pairs = Campaign.Run(Campaign.Pairs(campaign.Distinct), Bad, _ => { });
        Campaign.Run(campaign.Distinct.Select(f => new Schedule([f], Retries: true)), Bad, _ => { });
        Campaign.Run(Enumerable.Range(1, 20_000).Select(s => Campaign.Drawn(campaign.Reachable, s)), Bad, _ => { });
        Assert.True(singles >= 1000, $"only {singles} faults");
        Assert.True(pairs >= 50_000, $"only {pairs} pairs");
        Assert.True(bad.Count == 0, string.Join('\n', bad.Take(20)));
    }
}
