using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MQTTnet;
using MQTTnet.Protocol;
using MQTTnet.Server;

namespace Keyturn.LocalCore.Tests.Support;

/// <summary>AWS IoT as far as the core can tell: MQTT with mutual TLS, and a will to refuse.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    private readonly TestAuthority authority;
    private MqttServer? server;

    public TestBroker(TestAuthority authority)
    {
        this.authority = authority;
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        Port = ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>Client id and certificate serial of each accepted connect, oldest first.</summary>
    public ConcurrentQueue<(string ClientId, string? Serial, bool CleanStart)> Connects { get; } = [];

    public ConcurrentQueue<string> Subscribes { get; } = [];

    public ConcurrentQueue<string> Unsubscribes { get; } = [];

    public ConcurrentQueue<(string ClientId, string Topic, string Payload)> Published { get; } = [];

    public int Refusals { get; private set; }

    public Func<string, MqttConnectReasonCode> OnConnect { get; set; } = _ => MqttConnectReasonCode.Success;

    public Func<string, bool> MaySubscribe { get; set; } = _ => true;

    public async Task StartAsync()
    {
        var options = new MqttServerOptionsBuilder()
            .WithoutDefaultEndpoint()
            .WithEncryptedEndpoint()
            .WithEncryptedEndpointPort(Port)
            .WithEncryptedEndpointBoundIPAddress(IPAddress.Loopback)
            .WithEncryptedEndpointBoundIPV6Address(IPAddress.None)
            .WithEncryptionCertificate(authority.IssueServer())
            .WithRemoteCertificateValidationCallback((_, certificate, _, _) => authority.Trusts(certificate))
            .Build();
        options.TlsEndpointOptions.ClientCertificateRequired = true;
        server = new MqttServerFactory().CreateMqttServer(options);
        server.ValidatingConnectionAsync += args =>
        {
            args.ReasonCode = OnConnect(args.ClientId);
            if (args.ReasonCode == MqttConnectReasonCode.Success)
                Connects.Enqueue((args.ClientId, args.ClientCertificate?.GetSerialNumberString(), args.CleanSession == true));
            else
                Refusals++;
            return Task.CompletedTask;
        };
        server.InterceptingSubscriptionAsync += args =>
        {
            if (MaySubscribe(args.TopicFilter.Topic) && IsOfNucleus(args.TopicFilter.Topic))
                return Task.CompletedTask;
            if (MaySubscribe(args.TopicFilter.Topic))
                Subscribes.Enqueue(args.TopicFilter.Topic);
            else
                args.Response.ReasonCode = MqttSubscribeReasonCode.NotAuthorized;
            return Task.CompletedTask;
        };
        server.InterceptingUnsubscriptionAsync += args =>
        {
            Unsubscribes.Enqueue(args.Topic);
            return Task.CompletedTask;
        };
        server.InterceptingPublishAsync += args =>
        {
            // Such requests go to the service alone, which nobody is here.
            args.ProcessPublish = !IsOfNucleus(args.ApplicationMessage.Topic);
            if (args.ProcessPublish)
                Published.Enqueue((args.ClientId, args.ApplicationMessage.Topic, args.ApplicationMessage.ConvertPayloadToString() ?? ""));
            return Task.CompletedTask;
        };
        await server.StartAsync();
    }

    public async Task StopAsync()
    {
        if (server is null)
            return;
        await server.StopAsync();
        server.Dispose();
        server = null;
    }

    public Task PublishAsync(string topic, string payload) => server!.InjectApplicationMessage(
        new InjectedMqttApplicationMessage(new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload).Build()) { SenderClientId = "cloud" });

    public async Task DisconnectAllAsync()
    {
        foreach (var client in await server!.GetClientsAsync())
            await client.DisconnectAsync(new MqttServerClientDisconnectOptions { ReasonCode = MqttDisconnectReasonCode.AdministrativeAction });
    }

    /// <summary>What the nucleus hears and says for itself: deployments and its health.</summary>
    private static bool IsOfNucleus(string topic) =>
        topic.Contains("namespace-aws-gg-deployment", StringComparison.Ordinal) || topic.Contains("/AWSManagedGreengrassV2Deployment/", StringComparison.Ordinal)
        || topic.EndsWith("/greengrassv2/health/json", StringComparison.Ordinal);

    public async ValueTask DisposeAsync() => await StopAsync();
}
