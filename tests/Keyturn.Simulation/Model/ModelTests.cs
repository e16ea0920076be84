namespace Keyturn.Simulation.Model;

public sealed class ModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(Side.Ours, Side.Ours, false)]
    [InlineData(Side.Ours, Side.Ours, true)]
    [InlineData(Side.Reference, Side.Ours, false)]
    [InlineData(Side.Ours, Side.Reference, false)]
    public void No_state_is_without_an_accepted_credential_and_rest_can_be_reached_from_every_one(object device, object backend, bool thief)
    {
        var found = ModelSearch.Run(new ModelRules((Side)device, (Side)backend, thief, Omitted.Nothing), inUse: (Side)device == Side.Ours && (Side)backend == Side.Ours);
        output.WriteLine($"{found.States} states, {found.Steps} steps");
        Assert.True(found.Trace.Count == 0, string.Join('\n', found.Trace));
        Assert.True(found.States > 800, $"only {found.States} states");
    }

    [Theory]
    [InlineData(Omitted.CommitsPrincipal)]
    [InlineData(Omitted.Nonce)]
    [InlineData(Omitted.Freeze)]
    [InlineData(Omitted.CommitSent)]
    public void Each_of_the_rules_is_needed(object omitted)
    {
        var found = ModelSearch.Run(new ModelRules(Side.Ours, Side.Ours, thief: true, (Omitted)omitted), inUse: true);
        output.WriteLine(string.Join('\n', found.Trace));
        Assert.NotEmpty(found.Trace);
    }
}
