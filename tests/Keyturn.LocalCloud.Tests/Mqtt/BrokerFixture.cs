using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;
using Keyturn.LocalCloud.Mqtt;
using Microsoft.Extensions.Logging.Abstractions;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Tests.Mqtt;

/// <summary>A broker on a free port, and clients on real TLS sockets.</summary>
internal sealed class BrokerFixture : IAsyncDisposable
{
    public const string AllowAll = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}""";

    private readonly List<TestClient> _clients = [];

    private BrokerFixture(TimeProvider time, Func<MqttBrokerOptions, MqttBrokerOptions> configure)
    {
        var server = SslStreamCertificateContext.Create(TestPki.Shared.Server, null, offline: true);
        Broker = new MqttBroker(
            configure(new MqttBrokerOptions(server, new CloudAccount()) { Port = 0 }), Directory, time, NullLogger<MqttBroker>.Instance);
    }

    public TestDirectory Directory { get; } = new();

    public MqttBroker Broker { get; }

    public static async Task<BrokerFixture> StartAsync(
        TimeProvider? time = null, Func<MqttBrokerOptions, MqttBrokerOptions>? configure = null)
    {
        var fixture = new BrokerFixture(time ?? TimeProvider.System, configure ?? (o => o));
        await fixture.Broker.StartAsync();
        return fixture;
    }

    /// <summary>A client with a fresh registered certificate, connected.</summary>
    public async Task<TestClient> ConnectAsync(string clientId, string policy = AllowAll, MqttProtocolVersion version = MqttProtocolVersion.V311)
    {
        var certificate = TestPki.Shared.Issue("CN=device");
        Directory.Register(certificate, [policy]);
        var client = Client(certificate);
        await client.ConnectAsync(clientId, version);
        return client;
    }

    public TestClient Client(X509Certificate2? certificate)
    {
        var client = new TestClient(Broker.Port, certificate);
        _clients.Add(client);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            await client.DisposeAsync();
        await Broker.DisposeAsync();
    }
}

internal sealed class TestClient(int port, X509Certificate2? certificate) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IMqttClient _client = new MqttClientFactory().CreateMqttClient();
    private readonly Channel<MqttApplicationMessage> _messages = Channel.CreateUnbounded<MqttApplicationMessage>();
    private readonly TaskCompletionSource<MqttClientDisconnectedEventArgs> _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public X509Certificate2? Certificate => certificate;

    public IMqttClient Mqtt => _client;

    public async Task<MqttClientConnectResult> ConnectAsync(
        string clientId, MqttProtocolVersion version = MqttProtocolVersion.V311, bool clean = true, Action<MqttClientOptionsBuilder>? configure = null)
    {
        var builder = new MqttClientOptionsBuilder()
            .WithTcpServer("localhost", port).WithClientId(clientId).WithProtocolVersion(version).WithCleanSession(clean)
            .WithTimeout(Patience)
            .WithTlsOptions(tls => tls
                .WithSslProtocols(SslProtocols.None)
                .WithTargetHost("localhost")
                .WithRevocationMode(X509RevocationMode.NoCheck)
                .WithCertificateValidationHandler(c => c.Certificate.Subject == "CN=localhost")
                .WithClientCertificates(certificate is null ? [] : new X509Certificate2Collection(certificate)));
        configure?.Invoke(builder);
        _client.ApplicationMessageReceivedAsync += e =>
        {
            _messages.Writer.TryWrite(e.ApplicationMessage);
            return Task.CompletedTask;
        };
        _client.DisconnectedAsync += e =>
        {
            _gone.TrySetResult(e);
            return Task.CompletedTask;
        };
        return await _client.ConnectAsync(builder.Build(), TestContext.Current.CancellationToken);
    }

    public async Task SubscribeAsync(params string[] filters)
    {
        foreach (var filter in filters)
            await _client.SubscribeAsync(filter, MqttQualityOfServiceLevel.AtLeastOnce, TestContext.Current.CancellationToken);
    }

    public Task PublishAsync(string topic, string payload, int qualityOfService = 1, bool retain = false) => _client.PublishStringAsync(
        topic, payload, (MqttQualityOfServiceLevel)qualityOfService, retain, TestContext.Current.CancellationToken);

    public async Task<(string Topic, string Payload)> NextAsync()
    {
        var message = await NextMessageAsync();
        return (message.Topic, Encoding.UTF8.GetString(message.Payload));
    }

    public async Task<MqttApplicationMessage> NextMessageAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        return await _messages.Reader.ReadAsync(patience.Token);
    }

    /// <summary>Nothing came, and nothing is on its way: what is sent now arrives first.</summary>
    public async Task<bool> HeardNothingAsync()
    {
        var marker = "quiet/" + Guid.NewGuid().ToString("N");
        await SubscribeAsync(marker);
        await PublishAsync(marker, "");
        return (await NextAsync()).Topic == marker;
    }

    public async Task<MqttClientDisconnectedEventArgs> DisconnectedAsync() => await _gone.Task.WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        if (_client.IsConnected)
            await _client.TryDisconnectAsync();
        _client.Dispose();
    }
}
