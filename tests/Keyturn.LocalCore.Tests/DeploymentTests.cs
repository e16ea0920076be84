using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Deployments;
using Keyturn.LocalCore.Tests.Support;

namespace Keyturn.LocalCore.Tests;

/// <summary>Deployments to a running core, with this test as its component.</summary>
public sealed class DeploymentTests : IAsyncLifetime
{
    private const string Component = Recipe.DefaultComponent;

    private readonly TestAuthority authority = new();
    private readonly TestBroker broker;
    private readonly TestCore core;

    public DeploymentTests()
    {
        broker = new(authority);
        core = new(authority, broker.Port);
    }

    public async ValueTask InitializeAsync() => await broker.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await core.DisposeAsync();
        await broker.DisposeAsync();
        authority.Dispose();
    }

    [Fact]
    public async Task A_proposed_configuration_is_shown_whole_and_applied_when_it_is_accepted()
    {
        await using var client = await StartAsync();
        await client.CallAsync("SubscribeToValidateConfigurationUpdates", []);
        await client.CallAsync("SubscribeToConfigurationUpdate", []);

        var deploying = DeployAsync(Merge("""{"limit":{"minutes":5}}"""));
        var proposal = (await client.ReadAsync())!.Body()["validateConfigurationUpdateEvent"]!;
        Assert.Equal("5", proposal["configuration"]!["limit"]!["minutes"]!.ToJsonString());
        Assert.NotNull(proposal["configuration"]!["accessControl"]);
        (await client.CallAsync("GetConfiguration", new() { ["keyPath"] = new JsonArray("limit") })).ShouldBeError("ResourceNotFoundError");
        Assert.Equal("{}", (await ReportAsync(client, proposal, "ACCEPTED")).Body().ToJsonString());
        var change = (await client.ReadAsync())!;

        Assert.Equal((0, "SUCCEEDED"), await deploying);
        Assert.Equal((2, """["limit","minutes"]"""), (change.StreamId, change.Body()["configurationUpdateEvent"]!["keyPath"]!.ToJsonString()));
    }

    [Fact]
    public async Task A_rejected_or_unanswered_proposal_fails_the_deployment_and_changes_nothing()
    {
        await using var client = await StartAsync();
        await client.CallAsync("SubscribeToValidateConfigurationUpdates", []);

        var rejecting = core.DeployAsync(Merge("""{"limit":5}"""));
        var proposal = (await client.ReadAsync())!.Body()["validateConfigurationUpdateEvent"]!;
        await ReportAsync(client, proposal, "REJECTED", "too small");
        var (exit, result, _) = await rejecting;
        Assert.Equal((2, "FAILED_NO_STATE_CHANGE"), (exit, (string?)result!["status"]));
        Assert.Contains("too small", (string?)result["message"], StringComparison.Ordinal);
        // The verdict comes too late now.
        (await ReportAsync(client, proposal, "ACCEPTED")).ShouldBeError("InvalidArgumentsError");

        var silent = core.DeployAsync(Merge("""{"limit":6}""", ""","deploymentPolicies":{"configurationValidationPolicy":{"timeoutInSeconds":1}}"""));
        await client.ReadAsync();
        Assert.Contains("did not report within 1 s", (string?)(await silent).Result!["message"], StringComparison.Ordinal);
        (await client.CallAsync("GetConfiguration", new() { ["keyPath"] = new JsonArray("limit") })).ShouldBeError("ResourceNotFoundError");
    }

    [Fact]
    public async Task Who_listens_is_asked_before_and_told_after_and_may_ask_for_time()
    {
        await using var client = await StartAsync();
        (await client.CallAsync("DeferComponentUpdate", new() { ["deploymentId"] = "none" })).ShouldBeError("InvalidArgumentsError");
        await client.CallAsync("SubscribeToComponentUpdates", []);

        var deploying = DeployAsync(Merge("""{"limit":5}"""));
        var id = (string)(await client.ReadAsync())!.Body()["preUpdateEvent"]!["deploymentId"]!;
        (await client.CallAsync("DeferComponentUpdate", new() { ["deploymentId"] = "another" })).ShouldBeError("InvalidArgumentsError");
        await client.CallAsync("DeferComponentUpdate", new() { ["deploymentId"] = id, ["recheckAfterMs"] = 300 });
        Assert.Equal(id, (string?)(await client.ReadAsync())!.Body()["preUpdateEvent"]!["deploymentId"]);
        Assert.False(deploying.IsCompleted);
        await client.CallAsync("DeferComponentUpdate", new() { ["deploymentId"] = id, ["recheckAfterMs"] = 0 });

        Assert.Equal(id, (string?)(await client.ReadAsync())!.Body()["postUpdateEvent"]!["deploymentId"]);
        Assert.Equal((0, "SUCCEEDED"), await deploying);
    }

    [Fact]
    public async Task A_listener_that_never_answers_delays_a_deployment_and_does_not_stop_it()
    {
        await using var client = await StartAsync();
        await client.CallAsync("SubscribeToComponentUpdates", []);

        Assert.Equal((0, "SUCCEEDED"), await DeployAsync(Merge("""{"limit":5}""", ""","deploymentPolicies":{"componentUpdatePolicy":{"timeoutInSeconds":1}}""")));
    }

    [Fact]
    public async Task Another_version_takes_the_place_of_the_running_one_and_keeps_its_token()
    {
        await using var client = await StartAsync();

        Assert.Equal((0, "SUCCEEDED"), await DeployAsync(Change("""{"componentVersion":"1.0.1","command":"echo second $SVCUID; exec sleep 60"}""")));

        await Patience.UntilAsync(() => core.ReadLog(Component).Contains("second", StringComparison.Ordinal), "the second version");
        Assert.Equal(Token("token"), Token("second"));
        Assert.Single(core.NucleusIds());
        Assert.Contains("\"version\"],\"W\":\"changed\",\"V\":\"1.0.1\"", await File.ReadAllTextAsync(Path.Combine(core.Root, "config/config.tlog"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_component_comes_beside_the_other_survives_a_restart_and_goes()
    {
        await using var client = await StartAsync();

        Assert.Equal((0, "SUCCEEDED"), await DeployAsync("""{"components":{"com.example.Other":{"command":"echo here; exec sleep 60"}}}"""));
        Posix.Signal(core.NucleusIds()[^1], Posix.SigTerm);
        await Patience.UntilAsync(() => core.ReadLog("com.example.Other").Split("here").Length > 2, "the other component after the restart");
        Assert.Equal((0, "SUCCEEDED"), await DeployAsync("""{"componentsToRemove":["com.example.Other"]}"""));

        Assert.Contains("{serviceName=com.example.Other, newState=Stopping}", core.NucleusLog, StringComparison.Ordinal);
        Assert.Contains("FAILED_NO_STATE_CHANGE", (await core.DeployAsync("""{"componentsToRemove":["com.example.Other"]}""")).Result!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_version_that_does_not_run_fails_its_deployment()
    {
        await using var client = await StartAsync();
        var recipe = Path.Combine(core.Root, "broken.yaml");
        await File.WriteAllTextAsync(recipe, $$"""
            ComponentName: {{Component}}
            ComponentVersion: 1.0.2
            Lifecycle:
              install: exit 3
            """, TestContext.Current.CancellationToken);

        Assert.Equal((2, "FAILED_ROLLBACK_NOT_REQUESTED"), await DeployAsync(Change("{\"recipe\":\"" + recipe + "\"}")));
    }

    [Theory]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{}", "names no component")]
    [InlineData("""{"componets":{}}""", "'componets' is none of")]
    [InlineData("""{"components":{"a":{"configurationUpdate":{"merge":5}}}}""", "can't be used")]
    [InlineData("""{"components":{"a":{}}}""", "a is not installed")]
    [InlineData("""{"components":{"com.example.Component":{"componentVersion":"9.9.9"}}}""", "9.9.9 is not installed")]
    [InlineData("""{"components":{"com.example.Component":{"configurationUpdate":{"reset":["limit"]}}}}""", "not a JSON pointer")]
    [InlineData("""{"components":{"com.example.Component":{"recipe":"/nowhere.yaml"}}}""", "/nowhere.yaml")]
    public async Task What_is_no_deployment_is_refused_with_the_reason(string document, string reason)
    {
        await core.StartAsync("--component", "exec sleep 60");

        var (exit, result, error) = await core.DeployAsync(document);

        Assert.NotEqual(0, exit);
        Assert.Contains(reason, error + (string?)result?["message"], StringComparison.Ordinal);
    }

    [Fact]
    public void The_example_of_the_documentation_is_a_deployment()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Keyturn.slnx")))
            root = Path.GetDirectoryName(root)!;
        var example = File.ReadAllText(Path.Combine(root, "docs", "local-core.md")).Split("```json")[1].Split("```")[0];

        var deployment = DeploymentDocument.Parse(example);

        Assert.Equal(["aws.greengrass.labs.CertificateRotator", "com.example.Other"], deployment.Changes.Select(c => c.Name));
        Assert.Equal(("/preflight", "ECDSA-P256"), (deployment.Changes[0].Reset.Single(), (string?)deployment.Changes[0].Merge!["keyAlgorithm"]));
        Assert.Equal((true, 60.0, 20.0), (deployment.Notifies, deployment.NoticeTime.TotalSeconds, deployment.ValidationTime.TotalSeconds));
    }

    [Fact]
    public async Task Nobody_running_is_told_at_once()
    {
        var (exit, _, error) = await core.DeployAsync(Merge("{}"));

        Assert.Equal(1, exit);
        Assert.Contains("no core runs in", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[""]""", null, """{"a":1,"b":{"c":2}}""")]
    [InlineData("""["/A"]""", null, """{"b":{"c":9},"d":7,"a":1}""")]
    [InlineData("""["/b/c"]""", null, """{"a":5,"b":{"c":2},"d":7}""")]
    [InlineData("""["/d"]""", """{"b":{"e":[1]}}""", """{"a":5,"b":{"c":9,"e":[1]}}""")]
    [InlineData("""[]""", """{"A":null,"b":"x"}""", """{"a":null,"b":"x","d":7}""")]
    public void Resets_come_before_merges_and_names_are_found_without_case(string reset, string? merge, string expected)
    {
        var change = new ComponentChange("x", null, null, null, null, merge is null ? null : JsonNode.Parse(merge)!.AsObject(), [.. JsonNode.Parse(reset)!.AsArray().Select(r => (string)r!)]);

        var result = ConfigurationChange.Apply(
            JsonNode.Parse("""{"a":5,"b":{"c":9},"d":7}""")!.AsObject(), JsonNode.Parse("""{"a":1,"b":{"c":2}}""")!.AsObject(), change);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(result.ToJsonString())), result.ToJsonString());
    }

    private static string Change(string change, string policies = "") => "{\"components\":{\"" + Component + "\":" + change + "}" + policies + "}";

    private static string Merge(string merge, string policies = "") => Change("{\"configurationUpdate\":{\"merge\":" + merge + "}}", policies);

    private async Task<(int ExitCode, string? Status)> DeployAsync(string document)
    {
        var (exit, result, _) = await core.DeployAsync(document);
        return (exit, (string?)result?["status"]);
    }

    private static Task<Ipc.RpcMessage> ReportAsync(TestClient client, JsonNode proposal, string status, string? message = null) =>
        client.CallAsync("SendConfigurationValidityReport", new()
        {
            ["configurationValidityReport"] = new JsonObject { ["status"] = status, ["deploymentId"] = (string?)proposal["deploymentId"], ["message"] = message },
        });

    private string Token(string word) => core.ReadLog(Component).Split(word + " ")[1].Split('\n')[0].Trim();

    private async Task<TestClient> StartAsync()
    {
        await core.StartAsync("--component", "echo token $SVCUID; exec sleep 60");
        await Patience.UntilAsync(() => core.ReadLog(Component).Contains("token ", StringComparison.Ordinal), "the token");
        return await TestClient.ConnectAsync(Path.Combine(core.Root, "ipc.socket"), Token("token"));
    }
}
