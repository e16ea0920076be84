using System.Text.Json.Nodes;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>The component's end of the conversation with its nucleus, over a real socket.</summary>
public sealed class NucleusEventsTests : IAsyncLifetime
{
    private const string Elliptic = """{"keyAlgorithm":"ECDSA-P256","signingAlgorithm":"ECDSA-WITH-SHA256"}""";

    private readonly FakeNucleus _nucleus = new();
    private readonly HastyTime _time = new(TimeSpan.FromMilliseconds(50));
    private readonly GreengrassChannel _channel;
    private readonly ConfigurationWatch _configuration = new(null, TimeProvider.System, NullLogger.Instance);
    private readonly NucleusEvents _events;
    private readonly CancellationTokenSource _stop = new();
    private RotationState _state = new RotationState.Idle();
    private int _opened;

    public NucleusEventsTests()
    {
        _channel = new GreengrassChannel(_nucleus.Options, "pump1", TimeProvider.System, NullLogger.Instance);
        _channel.Opened += () => _opened++;
        var deployments = new DeploymentWatch(() => _state, () => TimeSpan.FromMinutes(10), startedLate: false, TimeProvider.System, NullLogger.Instance);
        _events = new NucleusEvents(_channel, _configuration, deployments, _time, NullLogger.Instance);
    }

    public async ValueTask InitializeAsync() => await _channel.ConnectAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _channel.DisposeAsync();
        _nucleus.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_proposal_is_judged_at_once_and_in_force_only_when_it_was_set()
    {
        await OpenAsync();
        await ProposeAsync(Elliptic, "d-1");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("SendConfigurationValidityReport").Length == 1);
        Assert.Equal("""{"status":"ACCEPTED","deploymentId":"d-1"}""", Report(0).ToJsonString());
        Assert.Equal(KeyOptions.Default, _configuration.Settings.Keys);

        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        await ChangeAsync();
        await FakeNucleus.UntilAsync(() => _configuration.Settings.Keys.KeyAlgorithm.Name == "ECDSA-P256");
    }

    [Fact]
    public async Task A_proposal_that_can_not_be_used_is_rejected_with_the_reason_and_the_next_is_judged_too()
    {
        await OpenAsync();
        await ProposeAsync("""{"keyAlgorithm":"RSA-2048"}""", "d-1");
        await ProposeAsync("""{"keyAlgorithm":"RSA-1024","signingAlgorithm":"SHA256WITHRSA"}""", "d-2");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("SendConfigurationValidityReport").Length == 2);

        Assert.Equal(("REJECTED", "d-1"), ((string?)Report(0)["status"], (string?)Report(0)["deploymentId"]));
        Assert.Contains("signingAlgorithm is missing", (string?)Report(0)["message"], StringComparison.Ordinal);
        Assert.Contains("RSA-1024", (string?)Report(1)["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_can_not_be_used_fails_rotations_with_the_reason_until_it_is_mended()
    {
        _nucleus.Configuration = JsonNode.Parse("""{"keyAlgorithm":"RSA-1024","signingAlgorithm":"SHA256WITHRSA"}""")!.AsObject();
        await OpenAsync();
        Assert.Contains("RSA-1024", Assert.Throws<CredentialException>(() => _configuration.Settings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deployment_that_asks_is_answered_at_once()
    {
        await OpenAsync();
        await AskAsync("d-1");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("DeferComponentUpdate").Length == 1);
        _state = new RotationState.Trial(new("job-1", 1, 100, 1, "gen-1", "gen-2"), "s", 1);
        await AskAsync("d-2");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("DeferComponentUpdate").Length == 2);

        Assert.Equal("""{"deploymentId":"d-1","recheckAfterMs":0}""", _nucleus.Calls("DeferComponentUpdate")[0].ToJsonString());
        Assert.True((int)_nucleus.Calls("DeferComponentUpdate")[1]["recheckAfterMs"]! > 0);
    }

    [Fact]
    public async Task Nucleus_lite_offers_neither_and_is_gone_on_with()
    {
        _nucleus.Refused.UnionWith(["SubscribeToValidateConfigurationUpdates", "SubscribeToComponentUpdates"]);
        await OpenAsync();
        Assert.Equal(KeyOptions.Default, _configuration.Settings.Keys);

        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        await ChangeAsync();
        await FakeNucleus.UntilAsync(() => _configuration.Settings.Keys.KeyAlgorithm.Name == "ECDSA-P256");
    }

    [Fact]
    public async Task A_connection_that_is_lost_is_made_anew_with_every_subscription_and_what_changed_meanwhile()
    {
        await OpenAsync();
        await FakeNucleus.UntilAsync(() => _opened == 1);
        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();

        _nucleus.Drop();
        await FakeNucleus.UntilAsync(() => _opened == 2 && _configuration.Settings.Keys.KeyAlgorithm.Name == "ECDSA-P256");

        Assert.Equal(2, _nucleus.Connections);
        Assert.Equal(18, _nucleus.Calls("SubscribeToIoTCore").Length);
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("SubscribeToValidateConfigurationUpdates").Length == 2 && _nucleus.Calls("SubscribeToComponentUpdates").Length == 2);
        await AskAsync("d-1");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("DeferComponentUpdate").Length == 1);
    }

    [Fact]
    public async Task A_deaf_link_is_subscribed_anew_without_a_new_connection()
    {
        await OpenAsync();
        await FakeNucleus.UntilAsync(() => _opened == 1);

        _channel.Reopen();
        await FakeNucleus.UntilAsync(() => _opened == 2);

        Assert.Equal((1, 18), (_nucleus.Connections, _nucleus.Calls("SubscribeToIoTCore").Length));
    }

    [Fact]
    public async Task A_change_that_falls_between_two_streams_of_one_connection_is_taken_over_too()
    {
        await OpenAsync();
        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        await _nucleus.EndAsync("SubscribeToConfigurationUpdate");
        await FakeNucleus.UntilAsync(() => _configuration.Settings.Keys.KeyAlgorithm.Name == "ECDSA-P256");
    }

    [Fact]
    public async Task A_change_that_can_not_be_read_at_once_is_read_later()
    {
        await OpenAsync();
        // The first reading of this stream is over.
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("GetConfiguration").Length == 2);
        _nucleus.Refused.Add("GetConfiguration");
        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        await ChangeAsync();
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("GetConfiguration").Length == 4);
        _nucleus.Refused.Clear();
        await FakeNucleus.UntilAsync(() => _configuration.Settings.Keys.KeyAlgorithm.Name == "ECDSA-P256");
    }

    [Fact]
    public async Task A_rotation_that_begins_is_made_with_what_the_nucleus_has_by_then_though_nobody_told_of_a_change()
    {
        await OpenAsync();
        // A deployment is in the middle of it: one key is changed, the other is not.
        _nucleus.Configuration = JsonNode.Parse("""{"keyAlgorithm":"ECDSA-P256","signingAlgorithm":"SHA256WITHRSA"}""")!.AsObject();
        var calls = _nucleus.Calls("GetConfiguration").Length;
        var catchingUp = _configuration.CatchUpAsync(_channel.Client, TestContext.Current.CancellationToken);
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("GetConfiguration").Length > calls);
        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        await catchingUp;

        Assert.Equal("ECDSA-P256", _configuration.Settings.Keys.KeyAlgorithm.Name);
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("unanswered")]
    [InlineData("dropped")]
    public async Task A_rotation_begins_with_what_was_known_when_the_nucleus_does_not_tell(string how)
    {
        await OpenAsync();
        var configuration = new ConfigurationWatch(null, _time, NullLogger.Instance);
        await configuration.ReadAsync(_channel.Client, TestContext.Current.CancellationToken);
        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        (how == "refused" ? _nucleus.Refused : _nucleus.Unanswered).Add("GetConfiguration");
        var catchingUp = configuration.CatchUpAsync(_channel.Client, TestContext.Current.CancellationToken);
        if (how == "dropped")
            _nucleus.Drop();
        await catchingUp;

        Assert.Equal(KeyOptions.Default, configuration.Settings.Keys);
    }

    [Fact]
    public async Task A_proposal_that_is_no_Unicode_is_rejected_and_the_next_is_judged_too()
    {
        await OpenAsync();
        await _nucleus.SendRawAsync("SubscribeToValidateConfigurationUpdates", "ValidateConfigurationUpdateEvents",
            """{"validateConfigurationUpdateEvent":{"configuration":{"keyAlgorithm":"\ud800","signingAlgorithm":"SHA256WITHRSA"},"deploymentId":"d-1"}}""");
        await ProposeAsync(Elliptic, "d-2");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("SendConfigurationValidityReport").Length == 2);
        Assert.Equal(["REJECTED", "ACCEPTED"], new[] { Report(0), Report(1) }.Select(r => (string?)r["status"]));
    }

    [Fact]
    public async Task What_a_nucleus_in_trouble_refused_is_asked_for_again_and_what_lite_lacks_costs_little()
    {
        _nucleus.Refused.UnionWith(["SubscribeToConfigurationUpdate", "SubscribeToComponentUpdates"]);
        await OpenAsync();
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("SubscribeToComponentUpdates").Length >= 2);
        Assert.Contains(TimeSpan.FromMinutes(10), _time.Pauses);
        _nucleus.Configuration = JsonNode.Parse(Elliptic)!.AsObject();
        _nucleus.Refused.Remove("SubscribeToConfigurationUpdate");
        await FakeNucleus.UntilAsync(() => _configuration.Settings.Keys.KeyAlgorithm.Name == "ECDSA-P256");
    }

    [Fact]
    public async Task Subscriptions_of_an_opening_that_failed_are_ended_before_they_are_made_anew()
    {
        await OpenAsync();
        _nucleus.Refused.Add("GetConfiguration");
        _nucleus.Drop();
        await FakeNucleus.UntilAsync(() => _nucleus.Ended >= 3);
        _nucleus.Refused.Clear();
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("SubscribeToComponentUpdates").Length == 2 + _nucleus.Ended / 3);
        await AskAsync("d-1");
        await FakeNucleus.UntilAsync(() => _nucleus.Calls("DeferComponentUpdate").Length == 1);
    }

    private Task ChangeAsync() => _nucleus.SendAsync("SubscribeToConfigurationUpdate", "ConfigurationUpdateEvents", new()
    {
        ["configurationUpdateEvent"] = new JsonObject { ["componentName"] = "me", ["keyPath"] = new JsonArray("keyAlgorithm") },
    });

    private async Task OpenAsync()
    {
        await _events.OpenAsync(_stop.Token);
        _ = _events.RunAsync(_stop.Token);
        _ = _channel.RunAsync(_stop.Token);
    }

    private JsonNode Report(int n) => _nucleus.Calls("SendConfigurationValidityReport")[n]["configurationValidityReport"]!;

    private Task ProposeAsync(string configuration, string deployment) =>
        _nucleus.SendAsync("SubscribeToValidateConfigurationUpdates", "ValidateConfigurationUpdateEvents", new()
        {
            ["validateConfigurationUpdateEvent"] = new JsonObject { ["configuration"] = JsonNode.Parse(configuration), ["deploymentId"] = deployment },
        });

    private Task AskAsync(string deployment) => _nucleus.SendAsync("SubscribeToComponentUpdates", "ComponentUpdatePolicyEvents", new()
    {
        ["preUpdateEvent"] = new JsonObject { ["deploymentId"] = deployment, ["isGgcRestarting"] = false },
    });
}
