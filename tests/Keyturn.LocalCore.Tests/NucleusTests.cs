using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Tests.Support;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Tests;

/// <summary>The nucleus process between a component (this test) and a broker.</summary>
public sealed class NucleusTests : IAsyncLifetime
{
    private const string Get = "$aws/things/pump1/jobs/get";

    private readonly TestAuthority authority = new();
    private readonly TestBroker broker;
    private readonly TestCore core;

    public NucleusTests()
    {
        broker = new(authority);
        core = new(authority, broker.Port);
    }

    private string SocketPath => Path.Combine(core.Root, "ipc.socket");

    public async ValueTask InitializeAsync() => await broker.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await core.DisposeAsync();
        await broker.DisposeAsync();
        authority.Dispose();
    }

    [Fact]
    public async Task A_message_goes_there_and_another_comes_back()
    {
        await using var client = await StartAsync();
        await SubscribeAsync(client, Get + "/accepted");
        Assert.Equal("{}", (await PublishAsync(client, Get, "ask")).Body().ToJsonString());
        await Patience.UntilAsync(() => broker.Published.Any(p => p is (_, Get, "ask")), "the publish");

        await broker.PublishAsync(Get + "/accepted", "answer");
        var message = (await client.ReadAsync())!;

        Assert.Equal(("aws.greengrass#IoTCoreMessage", 0), (message.Frame.Find("service-model-type")?.AsString, message.Flags));
        Assert.Equal(Get + "/accepted", (string?)message.Body()["message"]!["topicName"]);
        Assert.Equal("answer", Encoding.UTF8.GetString(Convert.FromBase64String((string)message.Body()["message"]!["payload"]!)));
        Assert.True(broker.Connects.Single() is ("pump1", _, CleanStart: true));
    }

    [Fact]
    public async Task A_topic_that_no_policy_allows_is_unauthorized()
    {
        await using var client = await StartAsync();

        (await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = "$aws/things/pump10/jobs/get", ["qos"] = "0" })).ShouldBeError("UnauthorizedError");
        (await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = "#", ["qos"] = "0" })).ShouldBeError("UnauthorizedError");
        (await PublishAsync(client, "other", "x")).ShouldBeError("UnauthorizedError");
        Assert.Empty(broker.Subscribes);
    }

    [Fact]
    public async Task Without_interpolation_the_thing_name_of_a_policy_is_not_filled_in()
    {
        core.Configure(new() { ["interpolateComponentConfiguration"] = false });
        await using var client = await StartAsync();

        (await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = Get + "/accepted", ["qos"] = "0" })).ShouldBeError("UnauthorizedError");
    }

    [Theory]
    [InlineData("""{"topicName":"$aws/things/pump1/jobs/get","payload":"eA=="}""", "InvalidArgumentsError")]
    [InlineData("""{"topicName":"$aws/things/pump1/jobs/get","qos":"2","payload":"eA=="}""", "InvalidArgumentsError")]
    [InlineData("""{"topicName":"$aws/things/pump1/jobs/get","qos":"0"}""", "InvalidArgumentsError")]
    [InlineData("""{"qos":"0","payload":"eA=="}""", "InvalidArgumentsError")]
    [InlineData("""{"topicName":"$aws/things/pump1/jobs/+","qos":"0","payload":"eA=="}""", "ServiceError")]
    public async Task A_bad_publish_is_refused_by_name(string request, string error)
    {
        await using var client = await StartAsync();
        await ConnectedAsync(1);

        (await client.CallAsync("PublishToIoTCore", (JsonObject)JsonNode.Parse(request)!)).ShouldBeError(error);
    }

    [Fact]
    public async Task A_filter_that_another_subscription_covers_is_not_asked_for_again()
    {
        await using var client = await StartAsync();
        await SubscribeAsync(client, "$aws/things/pump1/jobs/#");
        await SubscribeAsync(client, Get + "/accepted");

        Assert.Equal("$aws/things/pump1/jobs/#", Assert.Single(broker.Subscribes));
        await broker.PublishAsync(Get + "/accepted", "both");
        Assert.Equal([1, 2], new[] { (await client.ReadAsync())!.StreamId, (await client.ReadAsync())!.StreamId }.Order());
    }

    [Fact]
    public async Task The_last_of_a_topics_subscriptions_takes_it_from_the_cloud()
    {
        await using var client = await StartAsync();
        await SubscribeAsync(client, Get + "/accepted");
        await SubscribeAsync(client, Get + "/accepted");
        await CloseAsync(client, 1);
        await broker.PublishAsync(Get + "/accepted", "still");
        Assert.Equal(2, (await client.ReadAsync())!.StreamId);
        Assert.Empty(broker.Unsubscribes);

        await CloseAsync(client, 2);

        await Patience.UntilAsync(() => broker.Unsubscribes.Contains(Get + "/accepted"), "the unsubscribe");
    }

    [Fact]
    public async Task A_subscription_that_the_policy_in_the_cloud_refuses_is_a_service_error()
    {
        broker.MaySubscribe = _ => false;
        await using var client = await StartAsync();

        (await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = Get + "/accepted", ["qos"] = "0" })).ShouldBeError("ServiceError");
    }

    [Fact]
    public async Task Past_fifty_subscriptions_a_second_client_carries_the_next()
    {
        await using var client = await StartAsync();
        for (var n = 0; n <= 50; n++)
            await SubscribeAsync(client, $"$aws/things/pump1/jobs/job{n}/update/accepted");

        Assert.Equal(["pump1", "pump1#2"], broker.Connects.Select(c => c.ClientId));
    }

    [Fact]
    public async Task A_reconnect_uses_the_credential_in_memory_and_only_a_restart_reads_the_files()
    {
        await using var client = await StartAsync();
        await SubscribeAsync(client, Get + "/accepted");
        var (certificate, key) = authority.Issue("pump1", elliptic: true);
        await File.WriteAllTextAsync(Path.Combine(core.Root, "thingCert.crt"), certificate, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(core.Root, "privKey.key"), key, TestContext.Current.CancellationToken);

        await broker.DisconnectAllAsync();
        await ConnectedAsync(2);
        Posix.Signal(core.NucleusIds()[^1], Posix.SigTerm);
        await ConnectedAsync(3);

        var serials = broker.Connects.Select(c => c.Serial).ToList();
        Assert.Equal(serials[0], serials[1]);
        Assert.NotEqual(serials[1], serials[2]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----\nMIIEow")]
    [InlineData("someone else's")]
    public async Task A_bad_key_file_fails_subscriptions_at_once_until_it_is_repaired(string? content)
    {
        var path = Path.Combine(core.Root, "privKey.key");
        var good = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        File.Delete(path);
        if (content is not null)
            await File.WriteAllTextAsync(path, content == "someone else's" ? authority.Issue("other").Key : content, TestContext.Current.CancellationToken);
        await using var client = await StartAsync();

        (await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = Get + "/accepted", ["qos"] = "0" })).ShouldBeError("ServiceError");
        (await PublishAsync(client, Get, "x")).ShouldBeError("ServiceError");

        await File.WriteAllTextAsync(path, good, TestContext.Current.CancellationToken);
        await SubscribeAsync(client, Get + "/accepted");
    }

    [Fact]
    public async Task A_certificate_that_the_cloud_refuses_leaves_subscriptions_without_an_answer()
    {
        broker.OnConnect = _ => MqttConnectReasonCode.NotAuthorized;
        await using var client = await StartAsync();
        await client.RequestAsync("SubscribeToIoTCore", new() { ["topicName"] = Get + "/accepted", ["qos"] = "0" });
        await Patience.UntilAsync(() => broker.Refusals >= 2, "a second attempt");

        // Others are served; publishing at QoS 0 fails at once; the subscription is silent still.
        var publish = await PublishAsync(client, Get, "x");
        publish.ShouldBeError("ServiceError");
        Assert.Equal(2, publish.StreamId);

        broker.OnConnect = _ => MqttConnectReasonCode.Success;
        var late = (await client.ReadAsync())!;
        Assert.Equal((MessageType.ApplicationMessage, 1), (late.Type, late.StreamId));
    }

    [Fact]
    public async Task Offline_after_a_connect_fails_subscriptions_at_once_and_spools_what_must_arrive()
    {
        await using var client = await StartAsync();
        await ConnectedAsync(1);
        await broker.StopAsync();
        await Patience.UntilAsync(() => core.NucleusLog.Contains("Connection interrupted", StringComparison.Ordinal), "the interruption");

        (await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = Get + "/accepted", ["qos"] = "0" })).ShouldBeError("ServiceError");
        (await PublishAsync(client, Get, "lost")).ShouldBeError("ServiceError");
        Assert.Equal(MessageType.ApplicationMessage, (await PublishAsync(client, Get, "kept", "1")).Type);

        await broker.StartAsync();
        await Patience.UntilAsync(() => broker.Published.Any(p => p.Payload == "kept"), "the spooled message");
        Assert.DoesNotContain(broker.Published, p => p.Payload == "lost");
    }

    [Fact]
    public async Task Subscriptions_are_renewed_after_a_reconnect_without_a_session()
    {
        await using var client = await StartAsync();
        await SubscribeAsync(client, Get + "/accepted");
        await broker.StopAsync();
        await broker.StartAsync();
        await Patience.UntilAsync(() => broker.Subscribes.Count == 2, "the renewed subscription");

        await broker.PublishAsync(Get + "/accepted", "again");

        Assert.Equal(1, (await client.ReadAsync())!.StreamId);
    }

    [Fact]
    public async Task Configuration_is_read_whole_by_key_and_of_the_nucleus_and_written_to_the_log()
    {
        await using var client = await StartAsync();
        var update = await client.CallAsync("UpdateConfiguration", new()
        {
            ["keyPath"] = new JsonArray("limits"), ["timestamp"] = 4102444800.5, ["valueToMerge"] = new JsonObject { ["minutes"] = 5 },
        });
        Assert.Equal("{}", update.Body().ToJsonString());

        Assert.Equal("""{"minutes":5}""", (await GetAsync(client, """{"keyPath":["limits"]}"""))["value"]!.ToJsonString());
        Assert.Equal("""{"minutes":5}""", (await GetAsync(client, """{"keyPath":["LIMITS","Minutes"]}"""))["value"]!.ToJsonString());
        Assert.Equal(Recipe.DefaultComponent, (string?)(await GetAsync(client, "{}"))["componentName"]);
        Assert.Equal($"{{\"port\":{broker.Port}}}", (await GetAsync(client, """{"componentName":"aws.greengrass.Nucleus","keyPath":["mqtt","port"]}"""))["value"]!.ToJsonString());
        (await client.CallAsync("GetConfiguration", new() { ["keyPath"] = new JsonArray("nowhere") })).ShouldBeError("ResourceNotFoundError");
        (await client.CallAsync("UpdateConfiguration", new() { ["timestamp"] = 1, ["valueToMerge"] = new JsonObject { ["accessControl"] = 1 } })).ShouldBeError("InvalidArgumentsError");
        (await client.CallAsync("UpdateConfiguration", new() { ["keyPath"] = new JsonArray("limits", "minutes"), ["timestamp"] = 1, ["valueToMerge"] = 6 })).ShouldBeError("FailedUpdateConditionCheckError");
        Assert.Contains("\"limits\",\"minutes\"],\"W\":\"changed\",\"V\":5}", await File.ReadAllTextAsync(Path.Combine(core.Root, "config/config.tlog"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_of_configuration_is_told_to_who_listens()
    {
        await using var client = await StartAsync();
        Assert.Equal(0, (await client.CallAsync("SubscribeToConfigurationUpdate", [])).Flags);
        await client.RequestAsync("UpdateConfiguration", new() { ["timestamp"] = 4102444800, ["valueToMerge"] = new JsonObject { ["a"] = new JsonObject { ["b"] = "c" } } });

        var told = (await client.ReadAsync())!;

        Assert.Equal(1, told.StreamId);
        Assert.Equal("""["a","b"]""", told.Body()["configurationUpdateEvent"]!["keyPath"]!.ToJsonString());
    }

    /// <summary>Starts the core with a component that only tells its token, and connects in its name.</summary>
    private async Task<TestClient> StartAsync()
    {
        await core.StartAsync("--component", "echo token $SVCUID; exec sleep 60");
        await Patience.UntilAsync(() => core.ReadLog(Recipe.DefaultComponent).Contains("token ", StringComparison.Ordinal), "the token");
        return await TestClient.ConnectAsync(SocketPath, core.ReadLog(Recipe.DefaultComponent).Split("token ")[^1].Trim());
    }

    private Task ConnectedAsync(int times) => Patience.UntilAsync(
        () => broker.Connects.Count >= times && core.NucleusLog.Split("Successfully connected").Length > times, $"connect {times}");

    private static async Task SubscribeAsync(TestClient client, string topic)
    {
        var response = await client.CallAsync("SubscribeToIoTCore", new() { ["topicName"] = topic, ["qos"] = "1" });
        Assert.Equal((MessageType.ApplicationMessage, 0), (response.Type, response.Flags));
        Assert.Equal("aws.greengrass#SubscribeToIoTCoreResponse", response.Frame.Find("service-model-type")?.AsString);
    }

    private static Task<RpcMessage> PublishAsync(TestClient client, string topic, string payload, string qos = "0") => client.CallAsync(
        "PublishToIoTCore", new() { ["topicName"] = topic, ["qos"] = qos, ["payload"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(payload)) });

    private static Task CloseAsync(TestClient client, int stream) =>
        client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, RpcMessage.TerminateStream, stream, [], default));

    private static async Task<JsonNode> GetAsync(TestClient client, string request) =>
        (await client.CallAsync("GetConfiguration", (JsonObject)JsonNode.Parse(request)!)).Body();
}
