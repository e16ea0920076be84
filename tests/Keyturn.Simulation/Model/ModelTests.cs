namespace Keyturn.Simulation.Model;

public sealed class ModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(Side.Ours, Side.Ours, false)]
    [InlineData(Side.Ours, Side.Ours, true)]
    [InlineData(Side.Reference, Side.Ours, false)]
    [InlineData(Side.Ours, Side.Reference, false)]
    [InlineData(Side.Ours, Side.Ours, false, true)]
    public void No_state_is_without_an_accepted_credential_and_rest_can_be_reached_from_every_one(object device, object backend, bool thief, bool again = false)
    {
        var found = Search((Side)device, (Side)backend, thief, again, Omitted.Nothing);
        output.WriteLine($"{found.States} states, {found.Steps} steps");
        Assert.True(found.Trace.Count == 0, string.Join('\n', found.Trace));
        Assert.True(found.States > 800, $"only {found.States} states");
    }

    /// <summary>Thirteen million states, some minutes and 7 GB: asked for by <c>--explicit only</c>.</summary>
    [Fact(Explicit = true)]
    public void Nor_with_a_thief_in_both_rotations() =>
        No_state_is_without_an_accepted_credential_and_rest_can_be_reached_from_every_one(Side.Ours, Side.Ours, thief: true, again: true);

    [Theory]
    [InlineData(Omitted.CommitsPrincipal, true)]
    [InlineData(Omitted.Nonce, true)]
    [InlineData(Omitted.Freeze, true)]
    [InlineData(Omitted.CommitSent, true)]
    [InlineData(Omitted.Execution, false)]
    public void Each_of_the_rules_is_needed(object omitted, bool thief)
    {
        var found = Search(Side.Ours, Side.Ours, thief, again: !thief, (Omitted)omitted);
        output.WriteLine(string.Join('\n', found.Trace));
        Assert.NotEmpty(found.Trace);
    }

    private static Searched Search(Side device, Side backend, bool thief, bool again, Omitted omitted)
    {
        var areOurs = device == Side.Ours && backend == Side.Ours;
        // Who takes the next job with the old key is taken for the device, and nobody can tell: what is promised is that the device goes back and lives.
        return ModelSearch.Run(new ModelRules(device, backend, thief, again, omitted), inUse: areOurs && !(thief && again), frozen: areOurs && !thief);
    }
}
