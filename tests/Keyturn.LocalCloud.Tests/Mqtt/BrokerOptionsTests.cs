using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CsCheck;
using Keyturn.LocalCloud.Mqtt;
using Microsoft.Extensions.Time.Testing;
using MQTTnet;
using MQTTnet.Formatter;

namespace Keyturn.LocalCloud.Tests.Mqtt;

public sealed class BrokerOptionsTests
{
    [Fact]
    public async Task A_client_that_falls_silent_is_disconnected_after_one_and_a_half_keep_alives()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var fixture = await BrokerFixture.StartAsync(time);
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        var client = fixture.Client(certificate);
        await client.ConnectAsync("device", MqttProtocolVersion.V500, configure: o => o.WithKeepAlivePeriod(TimeSpan.FromSeconds(60)));

        time.Advance(TimeSpan.FromSeconds(89));
        Assert.True(await client.HeardNothingAsync());
        time.Advance(TimeSpan.FromSeconds(90));

        Assert.Equal(MqttClientDisconnectReason.KeepAliveTimeout, (await client.DisconnectedAsync()).Reason);
    }

    [Fact]
    public async Task A_persistent_session_ends_an_hour_after_its_connection()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var fixture = await BrokerFixture.StartAsync(time);
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        foreach (var (away, present) in ((TimeSpan, bool)[])[(TimeSpan.Zero, false), (TimeSpan.FromMinutes(59), true), (TimeSpan.FromMinutes(61), false)])
        {
            time.Advance(away);
            var client = fixture.Client(certificate);
            Assert.Equal(present, (await client.ConnectAsync("device", clean: false)).IsSessionPresent);
            await client.DisposeAsync();
            await WaitUntilAsync(() => fixture.Broker.ConnectedClients.Count == 0);
        }
    }

    [Fact]
    public async Task The_terms_of_a_connection_are_those_that_AWS_states()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var fixture = await BrokerFixture.StartAsync(time);
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        // Asked for, and what the server keeps to instead; 0: what was asked for.
        foreach (var (asked, kept) in ((int, int)[])[(60, 0), (5, 30), (0, 1200), (2000, 1200)])
            Assert.Equal(kept, (int)(await OpenAsync("device", o => o.WithKeepAlivePeriod(TimeSpan.FromSeconds(asked)))).ServerKeepAlive);
        // A session of MQTT 5 lives as long as was asked for, at most a week.
        Assert.Equal(7 * 86400, (int?)(await OpenAsync("week", o => o.WithSessionExpiryInterval(8 * 86400))).SessionExpiryInterval);
        foreach (var (away, present) in ((int, bool)[])[(0, false), (59, true), (61, false)])
        {
            time.Advance(TimeSpan.FromSeconds(away));
            Assert.Equal(present, (await OpenAsync("minute", o => o.WithCleanStart(false).WithSessionExpiryInterval(60))).IsSessionPresent);
        }

        var unnamed = await OpenAsync("", _ => { });
        Assert.StartsWith("$GEN/", unnamed.AssignedClientIdentifier, StringComparison.Ordinal);
        Assert.Equal("100 149504 8 AtLeastOnce False", $"{unnamed.ReceiveMaximum} {unnamed.MaximumPacketSize} {unnamed.TopicAliasMaximum} {unnamed.MaximumQoS} {unnamed.SubscriptionIdentifiersAvailable}");

        async Task<MqttClientConnectResult> OpenAsync(string id, Action<MqttClientOptionsBuilder> configure)
        {
            var client = fixture.Client(certificate);
            var answer = await client.ConnectAsync(id, MqttProtocolVersion.V500, configure: configure);
            await client.DisposeAsync();
            await WaitUntilAsync(() => fixture.Broker.ConnectedClients.Count == 0);
            return answer;
        }
    }

    [Fact]
    public async Task A_will_needs_the_permissions_of_its_message()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, ["""
            {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"},
             {"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:012345678901:topic/allowed"}]}
            """]);
        foreach (var (topic, retain, expected) in ((string, bool, MqttClientConnectResultCode)[])[
            ("allowed", false, MqttClientConnectResultCode.Success), ("allowed", true, MqttClientConnectResultCode.NotAuthorized), ("other", false, MqttClientConnectResultCode.NotAuthorized)])
        {
            var answer = await fixture.Client(certificate).ConnectAsync(
                "device", MqttProtocolVersion.V500, configure: o => o.WithWillTopic(topic).WithWillPayload("x").WithWillRetain(retain));
            Assert.Equal(expected, answer.ResultCode);
        }
    }

    [Fact]
    public async Task A_handshake_without_server_name_is_refused()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        using var tcp = new TcpClient("localhost", fixture.Broker.Port);
        await using var stream = new SslStream(tcp.GetStream(), false, (_, server, _, _) => server?.Subject == "CN=localhost");

        // An address is no name: the client leaves the extension out.
        await Assert.ThrowsAnyAsync<Exception>(() => stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1", ClientCertificates = new X509Certificate2Collection(certificate),
        }));
    }

    [Fact]
    public async Task More_messages_a_second_than_the_limit_are_not_taken()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var fixture = await BrokerFixture.StartAsync(time, o => o with { PublishesPerSecond = 5 });
        var listener = await fixture.ConnectAsync("listener");
        await listener.SubscribeAsync("a");
        var client = await fixture.ConnectAsync("device", version: MqttProtocolVersion.V500);

        var results = new List<MqttClientPublishReasonCode>();
        for (var i = 0; i < 7; i++)
            results.Add((await client.Mqtt.PublishStringAsync("a", $"{i}", MQTTnet.Protocol.MqttQualityOfServiceLevel.AtLeastOnce)).ReasonCode);
        time.Advance(TimeSpan.FromSeconds(1));
        await client.PublishAsync("a", "later");

        Assert.Equal([.. Enumerable.Repeat(MqttClientPublishReasonCode.Success, 5), MqttClientPublishReasonCode.QuotaExceeded, MqttClientPublishReasonCode.QuotaExceeded], results);
        foreach (var expected in (string[])["0", "1", "2", "3", "4", "later"])
            Assert.Equal(expected, (await listener.NextAsync()).Payload);
    }

    [Fact]
    public async Task Publish_over_HTTP_reaches_subscribers_and_checks_device_certificates()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var listener = await fixture.ConnectAsync("listener");
        await listener.SubscribeAsync("a/b");
        var seen = new List<BusMessage>();
        using var watching = fixture.Broker.Watch(seen.Add);
        var certificate = fixture.Directory.Register(TestPki.Shared.Issue("CN=device"), ["""
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:012345678901:topic/a/*"}}
            """]);

        await fixture.Broker.Operations.CallAsync("iot-data", "Publish", "topic=a/b", "qos=1", "from the back", certificate);
        Assert.Equal(("a/b", "from the back"), await listener.NextAsync());
        Assert.Equal((null, certificate), (seen[0].ClientId, seen[0].Principal));
        await fixture.Broker.Operations.CallAsync("iot-data", "Publish", "topic=a/b", "", "signed");
        Assert.Equal(("a/b", "signed"), await listener.NextAsync());

        var forbidden = await OperationCalls.RefusedAsync(fixture.Broker.Operations.CallAsync("iot-data", "Publish", "topic=b", "", "", certificate));
        Assert.Equal((403, "ForbiddenException"), (forbidden.Status, forbidden.Code));
        foreach (var (topic, query) in ((string, string)[])[("a/+", ""), ("$aws/events/x", ""), ("a", "qos=2"), ("a", "retain=yes")])
        {
            var refused = await OperationCalls.RefusedAsync(fixture.Broker.Operations.CallAsync("iot-data", "Publish", "topic=" + topic, query));
            Assert.Equal((400, "InvalidRequestException"), (refused.Status, refused.Code));
        }
    }

    [Fact]
    public async Task Retained_messages_are_listed_and_read_over_HTTP_and_connections_are_deleted()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        await fixture.Broker.Operations.CallAsync("iot-data", "Publish", "topic=kept", "retain=true&qos=1", "x");

        var found = (await fixture.Broker.Operations.CallAsync("iot-data", "GetRetainedMessage", "topic=kept")).Json!;
        Assert.Equal("x", Encoding.UTF8.GetString(Convert.FromBase64String((string)found["payload"]!)));
        Assert.Single((await fixture.Broker.Operations.CallAsync("iot-data", "ListRetainedMessages")).Json!["retainedTopics"]!.AsArray());
        await fixture.Broker.Operations.CallAsync("iot-data", "Publish", "topic=kept", "retain=true");
        Assert.Equal(404, (await OperationCalls.RefusedAsync(fixture.Broker.Operations.CallAsync("iot-data", "GetRetainedMessage", "topic=kept"))).Status);

        var client = await fixture.ConnectAsync("device", version: MqttProtocolVersion.V500);
        await fixture.Broker.Operations.CallAsync("iot-data", "DeleteConnection", "clientId=device");
        Assert.Equal(MqttClientDisconnectReason.AdministrativeAction, (await client.DisconnectedAsync()).Reason);
        Assert.Equal(404, (await OperationCalls.RefusedAsync(fixture.Broker.Operations.CallAsync("iot-data", "DeleteConnection", "clientId=device"))).Status);
    }

    [Fact]
    public async Task A_shared_subscription_gives_each_message_to_one_of_the_group()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var workers = new[] { await fixture.ConnectAsync("one"), await fixture.ConnectAsync("two") };
        foreach (var worker in workers)
            await worker.SubscribeAsync("$share/group/tasks/+");
        var speaker = await fixture.ConnectAsync("speaker");

        foreach (var i in Enumerable.Range(0, 4))
            await speaker.PublishAsync($"tasks/{i}", "");

        Assert.Equal(["tasks/0", "tasks/2"], [(await workers[0].NextAsync()).Topic, (await workers[0].NextAsync()).Topic]);
        Assert.Equal(["tasks/1", "tasks/3"], [(await workers[1].NextAsync()).Topic, (await workers[1].NextAsync()).Topic]);
    }

    [Fact]
    public void The_tree_finds_what_each_filter_alone_would_match()
    {
        var level = Gen.Int[0, 5].Select(i => ((string[])["a", "b", "", "+", "#", "$x"])[i]);
        var filter = level.Array[1, 4].Select(l => string.Join('/', l)).Where(f => TopicRules.CheckFilter(f) is null || f.StartsWith("$x", StringComparison.Ordinal))
            .Where(f => !f.AsSpan(0, f.Length - 1).Contains('#'));
        var topic = Gen.Int[0, 3].Select(i => ((string[])["a", "b", "", "$x"])[i]).Array[1, 4].Select(l => string.Join('/', l));
        Gen.Select(filter.Array[0, 12], topic).Sample((filters, name) =>
        {
            var tree = new SubscriptionTree();
            var owner = new SessionOwner("p", TestPki.Shared.Root, null);
            var subscriptions = filters.Distinct().Select(f => new Subscription(new DeviceSession(f, owner, TimeProvider.System), f, 1)).ToList();
            subscriptions.ForEach(tree.Add);
            if (subscriptions.Count > 3)
                tree.Remove(subscriptions[3]);

            var expected = subscriptions.Where((_, i) => i != 3).Select(s => s.Filter).Where(f => TopicFilter.Matches(f, name));
            Assert.Equal(expected.Order(StringComparer.Ordinal), tree.Match(name).Select(s => s.Filter).Order(StringComparer.Ordinal));
        });
    }

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 2000 && !condition(); i++)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.True(condition());
    }
}
