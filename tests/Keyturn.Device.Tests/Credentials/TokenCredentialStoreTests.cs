using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>The contract in a token, seen through another library.</summary>
[Collection(OneTokenAtATime.Name)]
public abstract class TokenCredentialStoreTests : CredentialStoreContract, IDisposable
{
    private readonly TestToken _token;

    private protected TestToken Token => _token;

    private protected TokenCredentialStoreTests(TestToken token)
    {
        _token = token;
        Store = _token.Store();
    }

    private protected override ICredentialStore Store { get; }

    private protected override KeyOptions Options => new(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256);

    public void Dispose()
    {
        _token.Dispose();
        Ca.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void The_new_private_key_is_as_safe_as_a_token_keeps_one()
    {
        Begin();
        Assert.Equal([true, false, true, true], SecondOpinion.Safety(_token, TestToken.Label + ".next"));
    }

    [Fact]
    public void No_two_private_keys_ever_have_one_label_and_nothing_of_ours_is_left()
    {
        var pair = Begin();
        Store.SwitchTo(pair.New, mustBeReached: true);
        Store.Remove(pair.Old);
        Assert.Equal([$"cert greengrass {pair.New}", $"private greengrass {pair.New}", $"public greengrass {pair.New}"], SecondOpinion.Objects(_token));
    }

    private protected override X509Certificate2 PairInUse() => SecondOpinion.PairInUse(_token);

    private protected override int CountCredentials() => SecondOpinion.Objects(_token).Count(o => o.StartsWith("private ", StringComparison.Ordinal));

    private protected override string Replace()
    {
        foreach (var type in (string[])["privkey", "pubkey", "cert"])
            _token.Pkcs11Tool("--delete-object", "--type", type, "--label", TestToken.Label);
        _token.Provision(Ca, KeyAlgorithm.EcdsaP256, "77");
        return Store.Inspect().CertificateId;
    }
}

public sealed class SoftHsmCredentialStoreTests() : TokenCredentialStoreTests(SoftHsm.WithCredential());

public sealed class TpmCredentialStoreTests() : TokenCredentialStoreTests(Tpm.WithCredential())
{
    /// <summary>It makes such a key and then shows a public key that is no point of the curve.</summary>
    private protected override string? Refusal(KeyAlgorithm algorithm, SigningAlgorithm signing) =>
        algorithm == KeyAlgorithm.EcdsaP521 ? "does not show the public key" : null;

    /// <summary>The nucleus, another component, a technician: tpm2-pkcs11 answers CKR_GENERAL_ERROR to everyone else meanwhile.</summary>
    [Fact]
    public async Task Another_program_that_uses_its_database_now_and_then_fails_no_rotation()
    {
        await using var other = DatabaseUser.Of(this.Token.Combine("store", "tpm2_pkcs11.sqlite3"));
        var pair = Begin();
        Store.SwitchTo(pair.New, mustBeReached: true);
        Store.SwitchTo(pair.Old, mustBeReached: true);
        Store.SwitchTo(pair.New, mustBeReached: true);
        Store.Remove(pair.Old);
        Assert.Equal(pair.New, Store.InUse);
        Assert.True(other.IsAtWork);
    }
}

/// <summary>A module is initialised for a process: one token test at a time.</summary>
[CollectionDefinition(Name)]
public sealed class OneTokenAtATime
{
    public const string Name = "tokens";
}
