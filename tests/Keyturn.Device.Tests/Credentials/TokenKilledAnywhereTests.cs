using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>
/// The process is killed before and after every PKCS#11 call of a rotation, of one that is taken back and of one that is refused, and again at every call of
/// the recovery from an interrupted switch. The calls are those that pass the interface, not a list; of calls in a row that leave the same on the disk one
/// stands for all. The token's own writing is not torn: SoftHSM's files do not survive that, and the TPM's database looks after itself.
/// </summary>
[Collection(OneTokenAtATime.Name)]
public sealed class TokenKilledAnywhereTests : IDisposable
{
    private readonly CertificateAuthority _ca = new();
    private readonly TemporaryDirectory _kept = new();

    public static TheoryData<string, string> All
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var scenario in TokenScenario.Names)
            {
                all.Add("softhsm", scenario);
                all.Add("tpm", scenario);
            }
            return all;
        }
    }

    public void Dispose()
    {
        _ca.Dispose();
        _kept.Dispose();
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Killed_at_any_call_the_device_ends_with_one_complete_pair_and_nothing_left_over(string kind, string scenarioName)
    {
        using var token = Make(kind);
        var scenario = TokenScenario.Named(scenarioName, _ca);
        var moments = Record(token, scenario, new Journalled(0), "first");
        Assert.True(moments.Calls > 100 && moments.All.Count > 15, $"{moments.Calls} calls and {moments.All.Count} states are too few to be a rotation");

        foreach (var moment in moments.All)
        {
            token.Restore(moment.Snapshot);
            NeverTwoUnderOneLabel(token, moment);
            if (scenario.IsComplete(moment.At.Step))
                using (SecondOpinion.PairInUse(token))
                    Assert.True(moment.At.Step >= 0);
            Finish(token, scenario, moment);
        }
    }

    /// <summary>Minutes: <c>script/simulate tokens</c>.</summary>
    [Theory(Explicit = true)]
    [InlineData("softhsm", "rotation")]
    [InlineData("softhsm", "rollback")]
    [InlineData("tpm", "rollback")]
    public void Killed_again_at_any_call_of_the_recovery_from_an_interrupted_switch_it_still_does(string kind, string scenarioName)
    {
        using var token = Make(kind);
        var scenario = TokenScenario.Named(scenarioName, _ca);
        var interrupted = Record(token, scenario, new Journalled(0), "first").All.Where(m => !scenario.IsComplete(m.At.Step)).ToList();
        Assert.True(interrupted.Count >= 6);

        foreach (var (first, round) in interrupted.Select((m, i) => (m, i)))
        {
            token.Restore(first.Snapshot);
            foreach (var second in Record(token, scenario, first.At, $"again{round}").All.Where(m => m.At.Step == first.At.Step))
            {
                token.Restore(second.Snapshot);
                NeverTwoUnderOneLabel(token, second);
                Finish(token, scenario, second);
            }
        }
    }

    private static TestToken Make(string kind) => kind == "softhsm" ? SoftHsm.WithCredential() : Tpm.WithCredential();

    private Moments Record(TestToken token, TokenScenario scenario, Journalled from, string name)
    {
        var moments = new Moments(token, _kept.Combine(name));
        scenario.Run(token.Store(moments.Watch), from, moments.Begins);
        return moments;
    }

    private static void Finish(TestToken token, TokenScenario scenario, Moment moment)
    {
        try
        {
            var end = scenario.Run(token.Store(), moment.At);
            var expected = scenario.EndsWithNew ? end.Pair!.New : end.Pair!.Old;
            Assert.Equal([$"cert greengrass {expected}", $"private greengrass {expected}", $"public greengrass {expected}"], SecondOpinion.Objects(token));
            SecondOpinion.PairInUse(token).Dispose();
        }
        catch (Exception e) when (e is CredentialException or IOException)
        {
            Assert.Fail($"killed {moment.Call} in step {moment.At.Step}: {e.Message} {string.Join(", ", SecondOpinion.Objects(token))}");
        }
    }

    private static void NeverTwoUnderOneLabel(TestToken token, Moment moment)
    {
        var labels = SecondOpinion.Objects(token).Where(o => o.StartsWith("private ", StringComparison.Ordinal)).Select(o => o.Split(' ')[1]).ToList();
        Assert.True(labels.Distinct().Count() == labels.Count, $"killed {moment.Call} in step {moment.At.Step}: {string.Join(", ", labels)}");
    }
}
