using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>Each with an error that names what to look at, and a token on which nothing has changed.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class TokenBadInputTests : IDisposable
{
    private readonly SoftHsm _token = SoftHsm.WithCredential();
    private readonly CertificateAuthority _ca = new();

    private static KeyOptions Quick => new(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256);

    public void Dispose()
    {
        _token.Dispose();
        _ca.Dispose();
    }

    [Fact]
    public void A_library_that_is_not_there() => Refused(_token.Store(options: new Pkcs11Options("/nowhere/lib.so", _token.Slot, TestToken.Pin)), "/nowhere/lib.so can't be loaded", "Check library");

    [Fact]
    public void A_library_that_is_no_PKCS11_module() => Refused(_token.Store(options: new Pkcs11Options("libc.so.6", _token.Slot, TestToken.Pin)), "libc.so.6 can't be loaded as a PKCS#11 module");

    [Fact]
    public void A_slot_without_a_token_is_answered_with_those_that_have_one() => Refused(
        _token.Store(options: new Pkcs11Options(_token.Library, 4711, TestToken.Pin)), "no token in slot 4711", $"{_token.Slot} (device)");

    [Fact]
    public void A_wrong_PIN_is_tried_once_and_never_again()
    {
        var logins = 0;
        var store = _token.Store(Counting("Login", () => logins++), new Pkcs11Options(_token.Library, _token.Slot, "0000"));
        Assert.Throws<CredentialException>(() => store.Prepare(Quick));
        Assert.Equal(TokenFlags.PinCountLow, Flags() & (TokenFlags.PinCountLow | TokenFlags.PinFinalTry | TokenFlags.PinLocked));
        for (var attempt = 0; attempt < 3; attempt++)
            Refused(store, "refuses the PIN", "tried once", "userPin");
        Assert.Throws<CredentialException>(store.Sweep);
        Assert.Equal(1, logins);
    }

    [Theory]
    [InlineData(TokenFlags.PinLocked, "is locked")]
    [InlineData(TokenFlags.PinFinalTry, "one more try")]
    public void A_token_that_is_locked_or_nearly_is_not_asked(object flags, string reason)
    {
        var logins = 0;
        var store = _token.Store(real => new CryptokiProxy(real, (name, _) =>
        {
            logins += name == "Login" ? 1 : 0;
            return null;
        }) { Flags = (TokenFlags)flags });
        Refused(store, reason);
        Assert.Equal(0, logins);
    }

    [Fact]
    public void No_PIN_where_one_is_asked_for() => Refused(_token.Store(options: new Pkcs11Options(_token.Library, _token.Slot, null)), "has no userPin");

    [Fact]
    public void No_message_repeats_a_PIN()
    {
        var options = new Pkcs11Options(_token.Library, _token.Slot, "secretpin");
        var message = Assert.Throws<CredentialException>(() => _token.Store(options: options).Prepare(Quick)).ToString();
        Assert.DoesNotContain("secretpin", message + options, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_nothing_has()
    {
        Delete("privkey", "pubkey", "cert");
        Refused(_token.Store(), "no private key is labelled 'greengrass'", "privateKeyPath");
    }

    [Fact]
    public void A_certificate_without_its_key()
    {
        Delete("privkey");
        Refused(_token.Store(), "no private key is labelled 'greengrass'");
    }

    [Fact]
    public void A_key_without_its_certificate()
    {
        Delete("cert");
        Refused(_token.Store(), "no certificate is labelled 'greengrass'", "certificateFilePath");
    }

    [Fact]
    public void Two_keys_under_one_label()
    {
        _token.Pkcs11Tool("--keypairgen", "--key-type", "EC:secp256r1", "--label", TestToken.Label, "--id", "02");
        Refused(_token.Store(), "2 objects of the kind private key are labelled 'greengrass'");
    }

    [Fact]
    public void Another_id_on_the_certificate_than_on_the_key()
    {
        _token.Pkcs11Tool("--set-id", "05", "--type", "cert", "--label", TestToken.Label, "--id", "01");
        Refused(_token.Store(), "has id 01 and the certificate 'greengrass' id 05", "CKA_ID");
    }

    [Fact]
    public void A_key_that_is_not_the_certificates()
    {
        Delete("privkey", "pubkey");
        _token.Pkcs11Tool("--keypairgen", "--key-type", "EC:secp256r1", "--label", TestToken.Label, "--id", "01");
        Refused(_token.Store(), "is not that of the certificate");
    }

    [Theory]
    [InlineData("GenerateKeyPair", 1)]
    [InlineData("CreateObject", 1)]
    [InlineData("GenerateKeyPair", 2)]
    public void A_full_token(string function, int time)
    {
        var calls = 0;
        Refused(_token.Store(real => new CryptokiProxy(real, (name, isAfter) => name == function && !isAfter && ++calls >= time ? CryptokiResult.DeviceMemory : null)), "is full");
    }

    [Fact]
    public void A_read_only_token() => Refused(_token.Store(real => new CryptokiProxy(real, (_, _) => null) { Flags = TokenFlags.WriteProtected }), "is read-only");

    [Fact]
    public void A_token_that_refuses_to_write() => Refused(
        _token.Store(real => new CryptokiProxy(real, (name, isAfter) => name == "GenerateKeyPair" && !isAfter ? CryptokiResult.TokenWriteProtected : null)), "is read-only");

    [Fact]
    public void A_token_that_can_neither_relabel_nor_copy() => Refused(
        _token.Store(real => new CryptokiProxy(real, (name, isAfter) => name is "SetAttributes" or "CopyObject" && !isAfter ? CryptokiResult.FunctionNotSupported : null)),
        "can neither relabel nor copy", "by hand");

    [Fact]
    public void A_token_that_claims_to_relabel_and_does_not() => Refused(
        _token.Store(real => new CryptokiProxy(real, (name, isAfter) => name is "SetAttributes" && !isAfter ? CryptokiResult.Ok : null)), "relabel");

    [Fact]
    public async Task A_token_that_claims_to_copy_and_does_not()
    {
        var copies = 0;
        var store = _token.Store(real => new CryptokiProxy(real, (name, isAfter) => (name, isAfter) switch
        {
            ("SetAttributes", false) => CryptokiResult.AttributeReadOnly,
            // However often it is asked; the test itself has to end.
            ("CopyObject", false) => ++copies < 20 ? CryptokiResult.Ok : CryptokiResult.DeviceMemory,
            _ => null,
        }));
        await Task.Run(() => Refused(store, "can neither relabel nor copy", "by hand"), TestContext.Current.CancellationToken);
        Assert.InRange(copies, 1, 2);
    }

    [Fact]
    public void A_token_that_does_not_remove_what_it_says_it_removes()
    {
        var store = _token.Store(real => new CryptokiProxy(real, (name, isAfter) => name is "DestroyObject" && !isAfter ? CryptokiResult.Ok : null));
        Assert.Contains("does not remove", Assert.Throws<CredentialException>(() => store.Prepare(Quick)).Message, StringComparison.Ordinal);
        // By hand, says the message; a token that has come to its senses is tidied by the next rotation.
        _token.Store().Sweep();
        Assert.Equal(3, SecondOpinion.Objects(_token).Length);
    }

    [Fact]
    public void A_token_that_copies_instead_of_relabelling_rotates()
    {
        var store = _token.Store(real => new CryptokiProxy(real, (name, isAfter) => name is "SetAttributes" && !isAfter ? CryptokiResult.AttributeReadOnly : null));
        var pair = store.Prepare(Quick);
        store.StoreCertificate(pair.New, _ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        foreach (var credential in (string[])[pair.New, pair.Old, pair.New])
        {
            store.SwitchTo(credential, mustBeReached: true);
            Assert.Equal(credential, store.InUse);
        }
        store.Remove(pair.Old);
        Assert.Equal([$"cert greengrass {pair.New}", $"private greengrass {pair.New}", $"public greengrass {pair.New}"], SecondOpinion.Objects(_token));
    }

    [Fact]
    public void A_token_that_is_away_for_a_moment_is_used_again_when_it_is_back()
    {
        var away = true;
        var store = _token.Store(real => new CryptokiProxy(real, (name, isAfter) => away && name == "GetTokenInfo" && !isAfter ? CryptokiResult.TokenNotPresent : null));
        Assert.Contains("no token in slot", Assert.Throws<CredentialException>(() => store.Prepare(Quick)).Message, StringComparison.Ordinal);
        away = false;
        store.Prepare(Quick);
    }

    /// <summary>The journal names it, of the time before the core was given a token.</summary>
    [Fact]
    public void A_credential_of_another_store_is_not_there()
    {
        var (store, before) = (_token.Store(), SecondOpinion.Objects(_token));
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var certificate = _ca.Issue(key).Certificate;
        Assert.Throws<CredentialException>(() => store.StoreCertificate("gen-2", certificate, CertificateAuthority.Now));
        Assert.Throws<CredentialException>(() => store.OpenForTls("gen-2"));
        Assert.Throws<CredentialException>(() => store.SwitchTo("gen-2", mustBeReached: true));
        store.SwitchTo("gen-1", mustBeReached: false);
        store.Remove("gen-2");
        Assert.Equal(before, SecondOpinion.Objects(_token));
    }

    [Theory]
    [InlineData("0000", "010001")]
    [InlineData("00c1", "00")]
    public void A_key_of_numbers_that_make_none_shows_no_public_key(string modulus, string exponent) =>
        Assert.Null(PublicKeyEncoding.Rsa(Convert.FromHexString(modulus), Convert.FromHexString(exponent)));

    private void Refused(Pkcs11CredentialStore store, params string[] said)
    {
        var before = SecondOpinion.Objects(_token);
        var message = Assert.Throws<CredentialException>(() => store.Prepare(Quick)).Message;
        Assert.All(said, text => Assert.Contains(text, message, StringComparison.Ordinal));
        Assert.Equal(before, SecondOpinion.Objects(_token));
    }

    private void Delete(params string[] types)
    {
        foreach (var type in types)
            _token.Pkcs11Tool("--delete-object", "--type", type, "--label", TestToken.Label);
    }

    private TokenFlags Flags()
    {
        var module = Cryptoki.Load(_token.Library);
        module.Initialize();
        module.GetTokenInfo((nuint)_token.Slot, out _, out var flags);
        module.Finish();
        return flags;
    }

    private static Func<ICryptoki, ICryptoki> Counting(string function, Action count) => real => new CryptokiProxy(real, (name, isAfter) =>
    {
        if (name == function && !isAfter)
            count();
        return null;
    });
}
