using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using MQTTnet;
using MQTTnet.Formatter;

namespace Keyturn.EndToEnd.Tests;

/// <summary>A client of the cloud with a certificate of its own that may do everything: it hears what devices say, and can answer them.</summary>
internal sealed class CloudClient : IAsyncDisposable
{
    private const string Policy = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}""";

    private readonly IMqttClient client = new MqttClientFactory().CreateMqttClient();

    /// <summary>Everything heard, oldest first.</summary>
    public ConcurrentQueue<(string Topic, byte[] Payload)> Heard { get; } = [];

    /// <summary>Called for one message after the other.</summary>
    public Func<string, byte[], Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    public static async Task<CloudClient> ConnectAsync(LocalFleet fleet, string name, params string[] filters)
    {
        var (certificateFile, keyFile) = (fleet.DirectoryOf(name + ".crt"), fleet.DirectoryOf(name + ".key"));
        var created = await fleet.Aws.JsonAsync(
            "iot", "create-keys-and-certificate", "--set-as-active", "--certificate-pem-outfile", certificateFile, "--private-key-outfile", keyFile);
        await fleet.Aws.JsonAsync("iot", "create-policy", "--policy-name", name, "--policy-document", Policy);
        await fleet.Aws.JsonAsync("iot", "attach-policy", "--policy-name", name, "--target", created.GetProperty("certificateArn").GetString()!);

        var cloud = new CloudClient();
        cloud.client.ApplicationMessageReceivedAsync += async received =>
        {
            var payload = received.ApplicationMessage.Payload.ToArray();
            cloud.Heard.Enqueue((received.ApplicationMessage.Topic, payload));
            await cloud.Answer(received.ApplicationMessage.Topic, payload);
        };
        var options = new MqttClientOptionsBuilder()
            .WithTcpServer("localhost", fleet.Cloud.MqttPort)
            .WithProtocolVersion(MqttProtocolVersion.V500)
            .WithClientId(name)
            .WithTlsOptions(tls => tls.UseTls().WithTargetHost("localhost").WithRevocationMode(X509RevocationMode.NoCheck)
                .WithClientCertificates(new X509Certificate2Collection(X509Certificate2.CreateFromPemFile(certificateFile, keyFile))).WithTrustChain(fleet.Cloud.RootCa()))
            .Build();
        await cloud.client.ConnectAsync(options, TestContext.Current.CancellationToken);
        foreach (var filter in filters)
            await cloud.client.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithTopicFilter(filter).Build(), TestContext.Current.CancellationToken);
        return cloud;
    }

    public Task PublishAsync(string topic, JsonObject payload) => client.PublishAsync(
        new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload.ToJsonString()).Build(), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (client.IsConnected)
            await client.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
        client.Dispose();
    }
}
