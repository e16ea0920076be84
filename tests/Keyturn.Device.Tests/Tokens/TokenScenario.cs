using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>What the journal would hold when a step begins.</summary>
internal sealed record Journalled(int Step, PreparedPair? Pair = null, string? CertificatePem = null);

/// <summary>
/// A rotation as the machine drives a store: one step after the other, the outcome journalled between them, and after the process was killed the step that
/// it was in once more.
/// </summary>
internal sealed class TokenScenario(string name, CertificateAuthority ca, params Func<ICredentialStore, Journalled, CertificateAuthority, Journalled>[] steps)
{
    public static readonly string[] Names = ["rotation", "rollback", "refusal"];

    public static TokenScenario Named(string name, CertificateAuthority ca) => name switch
    {
        "rotation" => new(name, ca, Prepare, Store, SwitchToNew, RemoveOld),
        "rollback" => new(name, ca, Prepare, Store, SwitchToNew, SwitchToOld, RemoveNew),
        _ => new(name, ca, Prepare, Store, RemoveNew),
    };

    public bool EndsWithNew => name == "rotation";

    /// <summary>The nucleus finds a complete credential at every moment of such a step.</summary>
    public bool IsComplete(int step) => steps[step] is var s && s != SwitchToNew && s != SwitchToOld;

    public Journalled Run(ICredentialStore store, Journalled from, Action<Journalled>? begins = null)
    {
        for (var at = from; ; at = steps[at.Step](store, at, ca) with { Step = at.Step + 1 })
        {
            if (at.Step == steps.Length)
                return at;
            begins?.Invoke(at);
        }
    }

    private static readonly Func<ICredentialStore, Journalled, CertificateAuthority, Journalled>
        Prepare = (store, at, _) => at with { Pair = store.Prepare(new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256)) },
        Store = (store, at, ca) =>
        {
            var pem = ca.Sign(store.CertificateRequest(at.Pair!.New));
            store.StoreCertificate(at.Pair.New, pem, CertificateAuthority.Now);
            return at with { CertificatePem = pem };
        },
        SwitchToNew = (store, at, _) => Do(at, () => store.SwitchTo(at.Pair!.New, mustBeReached: true)),
        SwitchToOld = (store, at, _) => Do(at, () => store.SwitchTo(at.Pair!.Old, mustBeReached: false)),
        RemoveOld = (store, at, _) => Do(at, () => store.Remove(at.Pair!.Old)),
        RemoveNew = (store, at, _) => Do(at, () => store.Remove(at.Pair!.New));

    private static Journalled Do(Journalled at, Action work)
    {
        work();
        return at;
    }
}

/// <summary>A moment between two calls at which what lies on the disk differs from the moment before, and what was journalled by then.</summary>
internal sealed record Moment(Journalled At, string Call, string Snapshot);

/// <summary>
/// Keeps a copy of everything on the disk whenever it has changed between two calls. To be killed at any call is to find one of these copies at the next
/// start: what else a process had is gone with it.
/// </summary>
internal sealed class Moments(TestToken token, string kept)
{
    private readonly List<Moment> _all = [];
    private Journalled? _at;
    private string? _last;

    public IReadOnlyList<Moment> All => _all;

    public int Calls { get; private set; }

    public ICryptoki Watch(ICryptoki real) => new CryptokiProxy(real, (name, isAfter) =>
    {
        Calls += isAfter ? 0 : 1;
        Look((isAfter ? "after " : "before ") + name);
        return null;
    });

    public void Begins(Journalled at)
    {
        (_at, _last) = (at, null);
        Look("at its begin");
    }

    private void Look(string call)
    {
        var digest = token.Digest();
        if (digest == _last)
            return;
        _last = digest;
        var snapshot = Path.Combine(kept, _all.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));
        token.Save(snapshot);
        _all.Add(new(_at!, call, snapshot));
    }
}
