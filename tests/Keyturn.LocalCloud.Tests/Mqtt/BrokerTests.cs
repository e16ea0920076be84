using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Mqtt;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Tests.Mqtt;

public sealed class BrokerTests
{
    private const string ThingPolicy = """
        {"Version":"2012-10-17","Statement":[
          {"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:us-east-1:012345678901:client/${iot:Connection.Thing.ThingName}*"},
          {"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"arn:aws:iot:us-east-1:012345678901:topic/things/${iot:Connection.Thing.ThingName}/*"},
          {"Effect":"Allow","Action":"iot:Subscribe","Resource":"arn:aws:iot:us-east-1:012345678901:topicfilter/things/${iot:Connection.Thing.ThingName}/*"}]}
        """;

    [Theory]
    [InlineData(MqttProtocolVersion.V311)]
    [InlineData(MqttProtocolVersion.V500)]
    public async Task A_registered_certificate_publishes_and_receives(MqttProtocolVersion version)
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var listener = await fixture.ConnectAsync("listener", version: version);
        var speaker = await fixture.ConnectAsync("speaker", version: version);
        await listener.SubscribeAsync("a/+/c");

        await speaker.PublishAsync("a/b/c", "hello");

        Assert.Equal(("a/b/c", "hello"), await listener.NextAsync());
    }

    [Theory]
    [InlineData("none")]
    [InlineData("unregistered")]
    [InlineData("other CA")]
    [InlineData("inactive")]
    [InlineData("expired")]
    public async Task Without_an_active_registered_certificate_nobody_connects(string which)
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = which switch
        {
            "none" => null,
            "other CA" => TestPki.Foreign.Issue("CN=device"),
            _ => TestPki.Shared.Issue("CN=device", expired: which == "expired"),
        };
        if (which is "inactive" or "expired")
            fixture.Directory.Register(certificate!, [BrokerFixture.AllowAll]);
        if (which == "inactive")
            fixture.Directory.Retire(TestDirectory.IdOf(certificate!));

        await Assert.ThrowsAnyAsync<Exception>(() => fixture.Client(certificate).ConnectAsync("device"));

        Assert.Empty(fixture.Broker.ConnectedClients);
    }

    [Fact]
    public async Task A_client_id_that_no_policy_allows_is_refused()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [ThingPolicy], fixture.Directory.AddThing("pump1"), exclusive: true);

        var result = await fixture.Client(certificate).ConnectAsync("other", MqttProtocolVersion.V500);
        var old = await Record.ExceptionAsync(() => fixture.Client(certificate).ConnectAsync("other"));

        Assert.Equal(MqttClientConnectResultCode.NotAuthorized, result.ResultCode);
        Assert.True(old is not null || !fixture.Broker.ConnectedClients.Contains("other"));
        await fixture.Client(certificate).ConnectAsync("pump1#preflight");
    }

    [Fact]
    public async Task Publishing_where_no_policy_allows_it_drops_the_connection()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [ThingPolicy], fixture.Directory.AddThing("pump1"), exclusive: true);
        var watcher = await fixture.ConnectAsync("watcher");
        await watcher.SubscribeAsync("things/#", "$aws/events/presence/disconnected/pump1");
        var client = fixture.Client(certificate);
        await client.ConnectAsync("pump1", MqttProtocolVersion.V500);

        await client.PublishAsync("things/pump1/state", "mine");
        await client.PublishAsync("things/pump2/state", "not mine", qualityOfService: 0);

        var gone = await client.DisconnectedAsync();
        Assert.Equal(MqttClientDisconnectReason.NotAuthorized, gone.Reason);
        Assert.Equal(("things/pump1/state", "mine"), await watcher.NextAsync());
        var (topic, payload) = await watcher.NextAsync();
        Assert.Equal("$aws/events/presence/disconnected/pump1", topic);
        var lifecycle = JsonNode.Parse(payload)!;
        Assert.Equal("AUTH_ERROR", (string?)lifecycle["disconnectReason"]);
        Assert.Equal(TestDirectory.IdOf(certificate), (string?)lifecycle["principalIdentifier"]);
        Assert.False((bool)lifecycle["clientInitiatedDisconnect"]!);
    }

    [Theory]
    [InlineData("things/pump2/state")]
    [InlineData("#")]
    [InlineData("$aws/rules/any")]
    [InlineData("a/b/c/d/e/f/g/h/i")]
    public async Task Subscribing_where_it_is_not_allowed_drops_the_connection(string filter)
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [ThingPolicy], fixture.Directory.AddThing("pump1"));
        var client = fixture.Client(certificate);
        await client.ConnectAsync("pump1");

        await Record.ExceptionAsync(() => client.SubscribeAsync(filter));

        await client.DisconnectedAsync();
    }

    [Fact]
    public async Task Receiving_needs_its_own_permission()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var listener = await fixture.ConnectAsync("listener", """
            {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"},
             {"Effect":"Deny","Action":"iot:Receive","Resource":"arn:aws:iot:us-east-1:012345678901:topic/secret/*"}]}
            """);
        await listener.SubscribeAsync("+/x");
        var speaker = await fixture.ConnectAsync("speaker");

        await speaker.PublishAsync("secret/x", "1");
        await speaker.PublishAsync("public/x", "2");

        Assert.Equal(("public/x", "2"), await listener.NextAsync());
    }

    [Fact]
    public async Task The_newest_connection_of_a_client_id_wins()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var first = await fixture.ConnectAsync("device", version: MqttProtocolVersion.V500);
        var second = await fixture.ConnectAsync("device", version: MqttProtocolVersion.V500);

        Assert.Equal(MqttClientDisconnectReason.SessionTakenOver, (await first.DisconnectedAsync()).Reason);
        await second.PublishAsync("still/there", "");
        Assert.Equal(["device"], fixture.Broker.ConnectedClients);
    }

    [Fact]
    public async Task A_certificate_that_is_retired_loses_its_connections_and_gets_no_new_one()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");
        var bystander = await fixture.ConnectAsync("bystander");

        fixture.Directory.Retire(TestDirectory.IdOf(client.Certificate!));

        await client.DisconnectedAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.Client(client.Certificate).ConnectAsync("device"));
        Assert.True(await bystander.HeardNothingAsync());
    }

    [Fact]
    public async Task A_policy_taken_away_counts_at_the_next_message()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");
        await client.PublishAsync("a", "");

        fixture.Directory.SetPolicies(TestDirectory.IdOf(client.Certificate!));

        await Record.ExceptionAsync(() => client.PublishAsync("a", ""));
        await client.DisconnectedAsync();
    }

    [Fact]
    public async Task A_persistent_session_keeps_what_was_sent_meanwhile()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        var before = fixture.Client(certificate);
        Assert.False((await before.ConnectAsync("device", clean: false)).IsSessionPresent);
        await before.SubscribeAsync("a");
        await before.DisposeAsync();
        var speaker = await fixture.ConnectAsync("speaker");
        await speaker.PublishAsync("a", "lost", qualityOfService: 0);
        await speaker.PublishAsync("a", "kept");

        var after = fixture.Client(certificate);
        Assert.True((await after.ConnectAsync("device", clean: false)).IsSessionPresent);

        Assert.Equal(("a", "kept"), await after.NextAsync());
        await after.DisposeAsync();
        Assert.False((await fixture.Client(certificate).ConnectAsync("device", clean: true)).IsSessionPresent);
    }

    [Fact]
    public async Task A_will_is_published_when_the_connection_is_lost_and_not_after_a_disconnect()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var watcher = await fixture.ConnectAsync("watcher");
        await watcher.SubscribeAsync("wills");
        for (var polite = 0; polite < 2; polite++)
        {
            var certificate = TestPki.Shared.Issue("CN=device");
            var id = fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
            var client = fixture.Client(certificate);
            await client.ConnectAsync("device", configure: o => o.WithWillTopic("wills").WithWillPayload("gone"));
            if (polite == 0)
                client.Mqtt.Dispose();
            else
                await client.DisposeAsync();
            if (polite == 0)
                Assert.Equal(("wills", "gone"), await watcher.NextAsync());
        }

        Assert.True(await watcher.HeardNothingAsync());
    }

    [Fact]
    public async Task Lifecycle_events_name_the_certificate()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var watcher = await fixture.ConnectAsync("watcher");
        await watcher.SubscribeAsync("$aws/events/presence/+/device", "$aws/events/subscriptions/+/device");

        var client = await fixture.ConnectAsync("device");
        await client.SubscribeAsync("a/b");
        await client.DisposeAsync();

        var connected = await EventAsync("$aws/events/presence/connected/device");
        Assert.Equal(TestDirectory.IdOf(client.Certificate!), (string?)connected["principalIdentifier"]);
        Assert.Equal("127.0.0.1", (string?)connected["ipAddress"]);
        var subscribed = await EventAsync("$aws/events/subscriptions/subscribed/device");
        Assert.Equal("a/b", (string?)subscribed["topics"]![0]);
        var disconnected = await EventAsync("$aws/events/presence/disconnected/device");
        Assert.True((bool)disconnected["clientInitiatedDisconnect"]!);
        Assert.Equal((string?)connected["sessionIdentifier"], (string?)disconnected["sessionIdentifier"]);

        async Task<JsonNode> EventAsync(string expected)
        {
            var (topic, payload) = await watcher.NextAsync();
            Assert.Equal(expected, topic);
            return JsonNode.Parse(payload)!;
        }
    }

    [Fact]
    public async Task A_suback_answers_in_the_order_of_the_question_and_the_fifty_first_ends_the_connection()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");
        for (var i = 0; i < 49; i++)
            await client.SubscribeAsync("t/" + i);

        var result = await client.Mqtt.SubscribeAsync(new MqttClientSubscribeOptions
        {
            TopicFilters =
            [
                new MqttTopicFilter { Topic = "zero", QualityOfServiceLevel = MqttQualityOfServiceLevel.AtMostOnce },
                new MqttTopicFilter { Topic = "one", QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce },
            ],
        }, TestContext.Current.CancellationToken);

        Assert.Equal(
            [MqttClientSubscribeResultCode.GrantedQoS0, MqttClientSubscribeResultCode.UnspecifiedError],
            result.Items.Select(i => i.ResultCode));
        await client.DisconnectedAsync();
    }

    [Fact]
    public async Task More_than_eight_filters_in_one_subscribe_drop_the_connection()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");

        await Record.ExceptionAsync(() => client.Mqtt.SubscribeAsync(
            new MqttClientSubscribeOptions { TopicFilters = [.. Enumerable.Range(0, 9).Select(i => new MqttTopicFilter { Topic = $"t/{i}" })] },
            TestContext.Current.CancellationToken));

        await client.DisconnectedAsync();
    }

    [Theory]
    [InlineData("$SYS/broker")]
    [InlineData("$aws/events/job/1/completed")]
    [InlineData("$aws/things/t/jobs/1/get/accepted")]
    [InlineData("a/b/c/d/e/f/g/h/i")]
    public async Task A_topic_that_AWS_does_not_take_drops_the_connection(string topic)
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");

        await Record.ExceptionAsync(() => client.PublishAsync(topic, ""));

        await client.DisconnectedAsync();
    }

    [Theory]
    [InlineData(2, 10)]
    [InlineData(1, (128 * 1024) + 1)]
    public async Task Quality_of_service_2_and_large_payloads_drop_the_connection(int qualityOfService, int size)
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");
        var listener = await fixture.ConnectAsync("listener");
        await listener.SubscribeAsync("a");

        await Record.ExceptionAsync(() => client.PublishAsync("a", new string('x', size), qualityOfService));

        await client.DisconnectedAsync();
        Assert.True(await listener.HeardNothingAsync());
    }

    [Fact]
    public async Task The_largest_payload_arrives()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");
        await client.SubscribeAsync("a");

        await client.PublishAsync("a", new string('x', 128 * 1024));

        Assert.Equal(128 * 1024, (await client.NextAsync()).Payload.Length);
    }

    [Fact]
    public async Task A_reply_reaches_one_client_that_never_subscribed()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var asker = await fixture.ConnectAsync("asker");
        var other = await fixture.ConnectAsync("other");
        await other.SubscribeAsync("$aws/things/t/jobs/#");
        var seen = new List<string>();
        using var watching = fixture.Broker.Watch(m => seen.Add(m.Topic));

        await fixture.Broker.ReplyAsync("asker", "$aws/things/t/jobs/get/accepted", "{}"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(("$aws/things/t/jobs/get/accepted", "{}"), await asker.NextAsync());
        Assert.True(await other.HeardNothingAsync());
        Assert.DoesNotContain("$aws/things/t/jobs/get/accepted", seen);
    }

    [Fact]
    public async Task Watchers_see_who_published_and_nobody_listens_in_on_requests_to_jobs()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var client = await fixture.ConnectAsync("device");
        await client.SubscribeAsync("$aws/things/t/jobs/+/update");
        var seen = new List<BusMessage>();
        using var watching = fixture.Broker.Watch(seen.Add);

        await client.PublishAsync("$aws/things/t/jobs/j/update", "{}");

        var message = Assert.Single(seen);
        Assert.Equal(("device", TestDirectory.IdOf(client.Certificate!)), (message.ClientId, message.Principal));
        Assert.True(await client.HeardNothingAsync());
    }

    [Fact]
    public async Task Retained_messages_reach_exact_filters_only_and_need_their_permission()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var speaker = await fixture.ConnectAsync("speaker");
        await speaker.PublishAsync("kept/a", "1", retain: true);
        var listener = await fixture.ConnectAsync("listener");
        await listener.SubscribeAsync("kept/+");
        Assert.True(await listener.HeardNothingAsync());
        await listener.SubscribeAsync("kept/a");
        Assert.True((await listener.NextMessageAsync()).Retain);
        var modest = await fixture.ConnectAsync(
            "modest", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iot:Connect","iot:Publish"],"Resource":"*"}}""");

        await Record.ExceptionAsync(() => modest.PublishAsync("kept/a", "2", retain: true));

        await modest.DisconnectedAsync();
    }
}
