using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>CKR_GENERAL_ERROR and its like: over in a moment, or not; before what was asked for was done, or after.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class TokenBusyTests : IDisposable
{
    private readonly SoftHsm _token = SoftHsm.WithCredential();
    private readonly CertificateAuthority _ca = new();
    private readonly HastyTime _time = new();

    private static KeyOptions Quick => new(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256);

    public void Dispose()
    {
        _token.Dispose();
        _ca.Dispose();
    }

    [Theory]
    [InlineData("Initialize", false)]
    [InlineData("OpenSession", false)]
    [InlineData("SetAttributes", false)]
    [InlineData("SetAttributes", true)]
    [InlineData("GenerateKeyPair", false)]
    [InlineData("GenerateKeyPair", true)]
    [InlineData("CreateObject", false)]
    [InlineData("CreateObject", true)]
    [InlineData("DestroyObject", false)]
    [InlineData("DestroyObject", true)]
    [InlineData("Sign", false)]
    [InlineData("Sign", true)]
    public void Busy_at_every_other_call_of_a_kind_it_is_asked_again(string call, bool isDone)
    {
        var calls = 0;
        var store = _token.Store(real => new CryptokiProxy(real, (name, isAfter) => name == call && isAfter == isDone && ++calls % 2 == 1 ? CryptokiResult.GeneralError : null), time: _time);
        var pair = store.Prepare(Quick);
        store.StoreCertificate(pair.New, _ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        store.SwitchTo(pair.New, mustBeReached: true);
        store.Remove(pair.Old);
        Assert.True(calls >= 2);
        Assert.NotEmpty(_time.Pauses);
        Assert.Equal([$"cert greengrass {pair.New}", $"private greengrass {pair.New}", $"public greengrass {pair.New}"], SecondOpinion.Objects(_token));
    }

    [Fact]
    public void Busy_for_good_it_is_refused_after_some_seconds_with_nothing_changed()
    {
        var before = SecondOpinion.Objects(_token);
        var store = _token.Store(real => new CryptokiProxy(real, (name, _) => name == "Initialize" ? CryptokiResult.GeneralError : null), time: _time);
        var said = Assert.ThrowsAny<CredentialException>(() => store.Prepare(Quick)).Message;
        Assert.Contains("CKR_GENERAL_ERROR", said, StringComparison.Ordinal);
        Assert.InRange(_time.Pauses.Aggregate((a, b) => a + b), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(10));
        Assert.Equal(before, SecondOpinion.Objects(_token));
    }

    [Theory]
    [InlineData(CryptokiResult.GeneralError, TokenFlags.None)]
    [InlineData(CryptokiResult.GeneralError, TokenFlags.Initialized)]
    [InlineData(CryptokiResult.OperationNotInitialized, TokenFlags.None)]
    internal void A_login_that_failed_for_whatever_reason_is_not_repeated(CryptokiResult said, TokenFlags hidden)
    {
        var logins = 0;
        var store = _token.Store(
            real => new CryptokiProxy(real, (name, isAfter) => name == "Login" && !isAfter && ++logins > 0 ? said : null) { Hidden = () => hidden }, time: _time);
        Assert.Throws<CredentialException>(() => store.Prepare(Quick));
        Assert.Equal(1, logins);
    }

    [Fact]
    public void A_token_that_takes_itself_for_a_new_one_had_no_PIN_to_try_and_is_asked_again()
    {
        var logins = 0;
        var store = _token.Store(
            real => new CryptokiProxy(real, (name, isAfter) => name == "Login" && !isAfter && ++logins == 1 ? CryptokiResult.OperationNotInitialized : null)
            {
                Hidden = () => logins == 0 ? TokenFlags.Initialized : TokenFlags.None,
            }, time: _time);
        store.Prepare(Quick);
        Assert.True(logins > 1);
        Assert.Single(_time.Pauses);
    }
}
