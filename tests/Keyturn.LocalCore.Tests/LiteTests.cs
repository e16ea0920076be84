using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Lite;
using Keyturn.LocalCore.Tests.Support;

namespace Keyturn.LocalCore.Tests;

/// <summary>The stand-in is as strict and as silent as nucleus lite.</summary>
public sealed class LiteTests : IAsyncLifetime
{
    private readonly TestAuthority authority = new();
    private readonly TestBroker broker;
    private readonly LiteCore core;

    public LiteTests()
    {
        broker = new TestBroker(authority);
        core = new LiteCore(authority, broker.Port);
    }

    public async ValueTask InitializeAsync() => await broker.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await core.DisposeAsync();
        await broker.DisposeAsync();
        authority.Dispose();
    }

    [Fact]
    public async Task Who_is_of_no_unit_and_has_no_token_is_refused_without_a_word_and_a_token_is_void_after_a_restart()
    {
        await core.StartAsync();
        foreach (var payload in new JsonObject[] { new() { ["componentName"] = "com.example.Other" }, new() { ["authToken"] = "AAAAAAAAAAAAAAAA" } })
        {
            await using var stranger = await TestClient.OpenAsync(core.SocketPath);
            await stranger.SendAsync(LiteCore.Connect(payload));
            Assert.Null(await stranger.ReadAsync());
        }

        var (client, token) = await core.ConnectAsync();
        await using (client)
        {
            await using var other = await TestClient.ConnectAsync(core.SocketPath, token);
            await core.RestartAsync("ggipcd");
            Assert.Null(await other.ReadAsync());
        }
        await using var late = await TestClient.OpenAsync(core.SocketPath);
        await late.SendConnectAsync(token);
        Assert.Null(await late.ReadAsync());
        await using var named = (await core.ConnectAsync()).Client;
    }

    [Fact]
    public async Task Ten_thousand_bytes_headers_of_two_types_and_fifty_clients_are_the_limits()
    {
        await core.StartAsync();
        var fits = await core.ConnectAsync();
        var tooLong = await core.ConnectAsync();
        var odd = await core.ConnectAsync();
        await using var first = fits.Client;
        await using var second = tooLong.Client;
        await using var third = odd.Client;

        Assert.Equal(MessageType.ApplicationMessage, (await first.CallAsync("GetConfiguration", new() { ["x"] = new string('x', 9_700) })).Type);
        await second.RequestAsync("GetConfiguration", new() { ["x"] = new string('x', 10_000) });
        Assert.Null(await second.ReadAsync());
        await third.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, 0, 1, [Header.Of("operation", "aws.greengrass#GetConfiguration"), new Header("odd", HeaderType.True, default)], "{}"u8.ToArray()));
        Assert.Null(await third.ReadAsync());

        List<TestClient> clients = [];
        for (var more = 0; more < 49; more++)
            clients.Add((await core.ConnectAsync()).Client);
        await using var tooMany = await TestClient.OpenAsync(core.SocketPath);
        Assert.Null(await tooMany.ReadAsync());
        foreach (var client in clients)
            await client.DisposeAsync();
    }

    [Fact]
    public async Task It_tells_its_system_section_and_says_ServiceError_and_nothing_more_to_what_it_does_not_offer()
    {
        await core.StartAsync();
        await using var client = (await core.ConnectAsync()).Client;

        await client.SendAsync(RpcMessage.Encode(
            MessageType.ApplicationMessage, 0, 1, [Header.Of("operation", "aws.greengrass.private#GetSystemConfig")], Encoding.UTF8.GetBytes("""{"key":"certificateFilePath"}""")));
        Assert.Equal(Path.Combine(core.Root, "credentials", "device.pem.crt"), Json((await client.ReadAsync())!)["value"]!.ToString());
        await using var other = (await core.ConnectAsync()).Client;
        foreach (var operation in new[] { "SubscribeToValidateConfigurationUpdates", "SubscribeToComponentUpdates" })
        {
            var refusal = await other.CallAsync(operation, []);
            Assert.Equal((MessageType.ApplicationError, "ServiceError", ""), (refusal.Type, Json(refusal)["_errorCode"]!.ToString(), Json(refusal)["message"]!.ToString()));
        }
        Assert.Equal("localhost", Json(await other.CallAsync("GetConfiguration", new() { ["componentName"] = "aws.greengrass.NucleusLite" }))["value"]!["iotDataEndpoint"]!.ToString());
        Assert.Equal("ResourceNotFoundError", Json(await other.CallAsync("GetConfiguration", new() { ["componentName"] = "aws.greengrass.Nucleus" }))["_errorCode"]!.ToString());
    }

    [Fact]
    public async Task A_timestamp_needs_a_fraction_and_what_was_set_outlives_the_daemon()
    {
        await core.StartAsync();
        await using var client = (await core.ConnectAsync()).Client;
        JsonObject Update(string timestamp) => JsonNode.Parse($$"""{"timestamp":{{timestamp}},"keyPath":["level"],"valueToMerge":7}""")!.AsObject();

        Assert.Equal(MessageType.ApplicationError, (await client.CallAsync("UpdateConfiguration", Update("1795483555"))).Type);
        Assert.Equal(MessageType.ApplicationMessage, (await client.CallAsync("UpdateConfiguration", Update("1795483555.0"))).Type);
        await core.RestartAsync("ggipcd");
        await using var again = (await core.ConnectAsync()).Client;
        Assert.Equal(7, (int)Json(await again.CallAsync("GetConfiguration", []))["value"]!["level"]!);
    }

    [Fact]
    public async Task Access_is_granted_by_what_is_written_and_variables_are_not_replaced()
    {
        await core.StartAsync("pumps/{iot:thingName}/ask");
        await using var client = (await core.ConnectAsync()).Client;
        Assert.Equal("UnauthorizedError", Json(await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = "pumps/pump1/ask", ["qos"] = "0" }))["_errorCode"]!.ToString());
    }

    [Fact]
    public async Task A_subscription_dies_silently_with_the_MQTT_daemon_and_packets_over_5000_bytes_are_dropped()
    {
        await core.StartAsync();
        await Patience.UntilAsync(() => broker.Connects.Count == 1, "the connection");
        await using var client = (await core.ConnectAsync()).Client;
        JsonObject topic = new() { ["topicName"] = "pumps/1/ask", ["qos"] = "0" };
        Assert.Equal(MessageType.ApplicationMessage, (await client.CallAsync("SubscribeToIoTCore", topic)).Type);
        await Patience.UntilAsync(() => broker.Subscribes.Contains("pumps/1/ask"), "the subscription");

        await broker.PublishAsync("pumps/1/ask", new string('x', 5_000 - 3 - 2 - 11 + 1));
        await broker.PublishAsync("pumps/1/ask", new string('y', 5_000 - 3 - 2 - 11));
        Assert.StartsWith("yyy", Payload((await client.ReadAsync())!), StringComparison.Ordinal);

        await core.RestartAsync("iotcored");
        await Patience.UntilAsync(() => broker.Connects.Count == 2, "the next connection");
        await broker.PublishAsync("pumps/1/ask", "unheard");
        await using var other = (await core.ConnectAsync()).Client;
        Assert.Equal(MessageType.ApplicationMessage, (await other.CallAsync("SubscribeToIoTCore", (JsonObject)topic.DeepClone())).Type);
        await Patience.UntilAsync(() => broker.Subscribes.Count == 2, "the other subscription");
        await broker.PublishAsync("pumps/1/ask", "heard");
        Assert.Equal("heard", Payload((await other.ReadAsync())!));
        // Its stream stands, and has had nothing.
        Assert.Equal("aws.greengrass#GetConfigurationResponse", (await client.CallAsync("GetConfiguration", [])).Frame.Find("service-model-type")!.AsString);
    }

    [Fact]
    public async Task Offline_it_says_so_at_once_and_the_files_are_read_at_every_attempt()
    {
        var (key, certificate) = (Path.Combine(core.Root, "credentials", "private.pem.key"), Path.Combine(core.Root, "credentials", "device.pem.crt"));
        var good = await File.ReadAllTextAsync(key, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(key, authority.Issue("pump1").Key, TestContext.Current.CancellationToken);
        await core.StartAsync();
        await Patience.UntilAsync(() => core.Log("iotcored").Contains("make no identity", StringComparison.Ordinal), "an attempt with a pair that does not match");
        await using var client = (await core.ConnectAsync()).Client;
        foreach (var operation in new[] { "PublishToIoTCore", "SubscribeToIoTCore" })
        {
            var refusal = await client.CallAsync(operation, new() { ["topicName"] = "pumps/1/ask", ["qos"] = "0", ["payload"] = "" });
            Assert.Equal(("ServiceError", ""), (Json(refusal)["_errorCode"]!.ToString(), Json(refusal)["message"]!.ToString()));
        }

        await File.WriteAllTextAsync(key, good, TestContext.Current.CancellationToken);
        await core.RestartAsync("iotcored");
        await Patience.UntilAsync(() => broker.Connects.Count == 1, "the connection");
        Assert.True(File.Exists(certificate));
    }

    [Fact]
    public async Task A_component_that_ends_well_is_finished_and_one_that_fails_is_started_three_times()
    {
        await core.StartAsync(["--recipe", core.WriteRecipe("echo $SVCUID $AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT; exit 3")]);
        await Patience.UntilAsync(() => core.Log("systemd").Contains("Start request repeated too quickly", StringComparison.Ordinal), "the limit");
        Assert.Equal(3, core.Log(LiteCore.Component).Split("gg-ipc.socket").Length - 1);
        await core.DisposeLoaderAsync();

        await core.StartAsync(["--recipe", core.WriteRecipe("exit 0")]);
        await Patience.UntilAsync(() => core.Log("systemd").Contains("exited with 0. Finished", StringComparison.Ordinal), "the end");
    }

    [Theory]
    [InlineData("Run", "\"*\"", "exec true")]
    [InlineData("run", "aws_nucleus_classic", "exec true")]
    [InlineData("run", "\"*\"", "f() { echo; }; f")]
    public void A_recipe_with_another_phase_or_runtime_or_with_braces_that_are_no_variable_does_not_run(string phase, string runtime, string script)
    {
        var path = core.WriteRecipe(script, phase: phase, runtime: runtime);
        if (phase == "Run")
            Assert.Null(LiteRecipe.Load(path).RunScript);
        else
            Assert.Throws<RecipeException>(() => LiteRecipe.Load(path) is var recipe ? recipe.Expand(recipe.RunScript!, new LiteSettings(core.Root)) : "");
    }

    private static JsonObject Json(RpcMessage message) => JsonNode.Parse(message.Frame.Payload.Span)!.AsObject();

    private static string Payload(RpcMessage message) => Encoding.UTF8.GetString(Convert.FromBase64String(Json(message)["message"]!["payload"]!.ToString()));
}
