namespace Keyturn.Simulation;

public sealed class SimulationTests
{
    /// <summary>What is left over in these can only be found by looking through all certificates of the account, or lasts as long as one call.</summary>
    private static readonly string[] Known =
    [
        // A certificate was made, and nobody lived to hear of it: it stays active, attached to nothing.
        "KillAfter@create/iot.CreateCertificate#1", "FailAfter@create/iot.CreateCertificate#1", "KillBefore@create/ledger.TryUpdate#1",
        // The job times out between the look at it and the opening of its rotation: told once as a job without one, and once as this rotation's end.
        "TimeOut@create/iot.ListThingPrincipals#2", "TimeOut@create/ledger.Read#2",
    ];

    [Fact]
    public void A_rotation_without_faults_succeeds_and_leaves_one_certificate()
    {
        var verdict = Simulation.Run(Schedule.Quiet);
        Assert.True(verdict.Wrong.Count == 0, string.Join('\n', verdict.Wrong) + '\n' + verdict.Log);
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

    [Fact]
    public void After_every_single_fault_the_device_works_one_certificate_is_active_and_the_next_rotation_succeeds()
    {
        var bad = new List<string>();
        var count = Campaign.Run(
            Campaign.Singles().Select(f => new Schedule([f])), (schedule, verdict) => bad.Add($"{schedule}: {string.Join("; ", verdict.Wrong)}"), _ => { });
        Assert.True(count >= 900, $"only {count} faults");
        bad.RemoveAll(b => Known.Any(k => b.StartsWith(k + ":", StringComparison.Ordinal)));
        Assert.True(bad.Count == 0, string.Join('\n', bad.Take(20)));
    }
}
