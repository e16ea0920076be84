using System.Text.Json.Nodes;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Systemd;
using Keyturn.Device.Technician;
using Keyturn.Device.Tests.Credentials;
using Keyturn.Device.Tests.Tokens;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Technician;

/// <summary>A technician at a device whose Greengrass does not run: the token is reached by what the nucleus's log says.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class TokenTechnicianTests : IDisposable
{
    private readonly SoftHsm _token = SoftHsm.WithCredential();
    private readonly CertificateAuthority _ca = new();
    private readonly StringWriter _output = new();
    private readonly PosixFileSystem _files = new();
    private readonly FakeTimeProvider _time = new();

    public TokenTechnicianTests()
    {
        Tool.SetForModules(_token.Environment);
        Directory.CreateDirectory(Path.Combine(Root, "config"));
        Directory.CreateDirectory(Root);
        File.WriteAllLines(Path.Combine(Root, "config", "config.tlog"), (string[])[
            Line(1, "pump1", "system", "thingName"),
            Line(1, "pkcs11:object=greengrass;type=private;pin-value=" + TestToken.Pin, "system", "privateKeyPath"),
            Line(1, "pkcs11:type=cert;object=greengrass", "system", "certificateFilePath"),
            Line(1, _token.Library, "services", Pkcs11Options.Component, "configuration", "library"),
            Line(2, _token.Slot, "services", Pkcs11Options.Component, "configuration", "slot"),
            Line(1, 0, "services", Pkcs11Options.Component, "configuration", "slot"),
            Line(1, TestToken.Pin, "services", Pkcs11Options.Component, "configuration", "userPin"),
            "{\"TS\":3,\"TP\":[\"services\",\"aws.greengrass.crypto.Pkcs11Pro",
        ]);
        new StateDirectories(Root).Ensure(_files);
    }

    private string Root => _token.Combine("root");

    public void Dispose()
    {
        _token.Dispose();
        _ca.Dispose();
        _output.Dispose();
    }

    [Fact]
    public async Task Status_describes_the_token_and_shows_no_PIN()
    {
        Assert.Equal(0, await Commands().StatusAsync(asJson: true, TestContext.Current.CancellationToken));

        var credential = JsonNode.Parse(_output.ToString())!["credential"]!;
        Assert.Equal(("pkcs11", "01", true), (credential["store"]!.GetValue<string>(), credential["name"]!.GetValue<string>(), credential["isComplete"]!.GetValue<bool>()));
        Assert.Contains("pkcs11:object=greengrass;type=private", _output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(TestToken.Pin, _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recover_finishes_a_switch_that_was_interrupted_in_the_token()
    {
        var pair = Interrupt();
        Assert.Equal(1, await Commands().StatusAsync(asJson: false, TestContext.Current.CancellationToken));
        Assert.Contains("no private key is labelled 'greengrass'", _output.ToString(), StringComparison.Ordinal);

        Assert.Equal(0, await Commands().RecoverAsync(asJson: false, TestContext.Current.CancellationToken));

        Assert.Contains($"done: lead the nucleus's paths to {pair.New}", _output.ToString(), StringComparison.Ordinal);
        SecondOpinion.PairInUse(_token).Dispose();
        Assert.Contains($"private greengrass {pair.New}", SecondOpinion.Objects(_token));
        Assert.Contains($"private greengrass.prev {pair.Old}", SecondOpinion.Objects(_token));
    }

    [Fact]
    public async Task The_watchdog_goes_back_in_the_token_and_nothing_of_ours_keeps_the_PIN()
    {
        var pair = Interrupt();
        Assert.Equal(0, await Commands().RecoverAsync(asJson: false, TestContext.Current.CancellationToken));
        var journal = new Journal(_files, new StateDirectories(Root).Journal, Component.BootId, _time);
        journal.Append(journal.Load(), new RotationState.Trial(new CurrentRotation("job-1", 1, 1, 1, pair.Old, pair.New), "session", 1));
        _time.Advance(Watchdog.Deadline);

        Assert.Equal(0, await Commands().WatchdogAsync(TestContext.Current.CancellationToken));

        Assert.Contains($"went back to {pair.Old}", _output.ToString(), StringComparison.Ordinal);
        SecondOpinion.PairInUse(_token).Dispose();
        Assert.Contains($"private greengrass {pair.Old}", SecondOpinion.Objects(_token));
        Assert.IsType<RotationState.Aborting>(journal.Load().State);
        // The units call the executable with the root alone; it reads the PIN where the nucleus has it.
        var units = UnitFiles.All("/opt/certificate-rotator", Root, "/journal").Select(u => u.Text);
        var files = Directory.EnumerateFiles(new StateDirectories(Root).Top, "*", SearchOption.AllDirectories).Select(File.ReadAllText);
        Assert.All(units.Concat(files).Append(_output.ToString()), text => Assert.DoesNotContain(TestToken.Pin, text, StringComparison.Ordinal));
    }

    /// <summary>Killed after the first relabelling.</summary>
    private PreparedPair Interrupt()
    {
        var directories = new StateDirectories(Root);
        var store = CredentialStores.Open(SystemConfiguration.Read(Root), _files, directories, () => Pkcs11Log.Read(Root));
        var pair = store.Prepare(new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256));
        store.StoreCertificate(pair.New, _ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        var journal = new Journal(_files, directories.Journal, Component.BootId, _time);
        using (journal.Enter())
            journal.Append(journal.Load(), new RotationState.Switching(new CurrentRotation("job-1", 1, 1, 1, pair.Old, pair.New), 1));
        new TokenChanges(Token.At(Pkcs11Log.Read(Root)), new TokenRoles(TestToken.Label)).Relabel(ObjectClass.PrivateKey, pair.Old, "greengrass", "greengrass.prev");
        return pair;
    }

    private TechnicianCommands Commands() => new(Root, _files, _time, _output, (_, _) => Task.FromResult<string?>(null));

    private static string Line(long at, JsonNode value, params string[] path) =>
        new JsonObject { ["TS"] = at, ["TP"] = new JsonArray([.. path.Select(p => JsonValue.Create(p))]), ["W"] = "changed", ["V"] = value }.ToJsonString();
}
