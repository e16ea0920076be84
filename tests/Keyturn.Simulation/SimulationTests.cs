namespace Keyturn.Simulation;

public sealed class SimulationTests
{
    [Fact]
    public void A_rotation_without_faults_succeeds_and_leaves_one_certificate()
    {
        var verdict = Simulation.Run(Schedule.Quiet);
        Assert.True(verdict.Wrong.Count == 0, string.Join('\n', verdict.Wrong) + '\n' + string.Join(' ', verdict.Points.Select(p => p.Name)) + '\n' + verdict.Log);
    }
}
