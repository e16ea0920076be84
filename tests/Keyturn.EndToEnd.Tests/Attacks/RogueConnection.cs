using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using MQTTnet;
using MQTTnet.Protocol;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>An MQTT connection that says whatever it likes, of whomever, over a certificate that the broker lets in.</summary>
internal sealed class RogueConnection : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly IMqttClient _client = new MqttClientFactory().CreateMqttClient();
    private readonly BlockingCollection<(string Topic, JsonObject Message)> _heard = [];
    private int _tokens;

    public static async Task<RogueConnection> OpenAsync(AttackedCloud cloud, Credential credential, string clientId)
    {
        var connection = new RogueConnection();
        connection._client.ApplicationMessageReceivedAsync += arrived =>
        {
            connection._heard.Add((arrived.ApplicationMessage.Topic, JsonNode.Parse(arrived.ApplicationMessage.ConvertPayloadToString())!.AsObject()));
            return Task.CompletedTask;
        };
        var roots = cloud.Fleet.Cloud.RootCa();
        var certificate = credential.ForTls();
        await connection._client.ConnectAsync(
            new MqttClientOptionsBuilder().WithTcpServer(cloud.Fleet.Cloud.MqttHost, cloud.Fleet.Cloud.MqttPort).WithClientId(clientId).WithTimeout(Patience)
                .WithTlsOptions(tls => tls.WithClientCertificates([certificate]).WithTargetHost("localhost").WithTrustChain(roots)
                    .WithRevocationMode(System.Security.Cryptography.X509Certificates.X509RevocationMode.NoCheck))
                .Build(),
            TestContext.Current.CancellationToken);
        return connection;
    }

    public async Task ListenAsync(string thing)
    {
        foreach (var filter in (string[])[$"awslabs/things/{thing}/certificate/+/accepted", $"awslabs/things/{thing}/certificate/+/rejected"])
            await _client.SubscribeAsync(filter, MqttQualityOfServiceLevel.AtMostOnce, TestContext.Current.CancellationToken);
    }

    public async Task ListenToJobsAsync(string thing)
    {
        foreach (var filter in (string[])[$"$aws/things/{thing}/jobs/+/update/accepted", $"$aws/things/{thing}/jobs/+/update/rejected"])
            await _client.SubscribeAsync(filter, MqttQualityOfServiceLevel.AtMostOnce, TestContext.Current.CancellationToken);
    }

    /// <summary>The next answer on this topic that answers nobody's token.</summary>
    public Answer HeardWithoutToken(string topic) =>
        Heard(heard => heard == topic + "/accepted" || heard == topic + "/rejected", null) ?? throw new TimeoutException($"no answer on {topic}");

    public Task SendAsync(string topic, JsonObject message) =>
        _client.PublishAsync(new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(message.ToJsonString()).Build(), TestContext.Current.CancellationToken);

    /// <summary>On a certificate topic of the thing, with a token of its own; the answer to it.</summary>
    public async Task<Answer> AskAsync(string thing, string operation, JsonObject message)
    {
        var token = $"t{Interlocked.Increment(ref _tokens)}-{Guid.NewGuid():N}";
        message["clientToken"] = token;
        await SendAsync($"awslabs/things/{thing}/certificate/{operation}", message);
        return Heard(topic => topic.StartsWith($"awslabs/things/{thing}/certificate/{operation}/", StringComparison.Ordinal), token)
            ?? throw new TimeoutException($"no answer to {operation} of {thing}");
    }

    public Task<Answer> CreateAsync(string thing, string jobId, string csr) => AskAsync(thing, "create", new JsonObject { ["jobId"] = jobId, ["csr"] = csr });

    public Task<Answer> CommitAsync(string thing, string jobId) => AskAsync(thing, "commit", new JsonObject { ["jobId"] = jobId });

    public Task<Answer> AttestAsync(string thing, string certificateId, string? nonce = null)
    {
        var attest = new JsonObject { ["attest"] = true, ["certificateId"] = certificateId, ["component"] = "2.0.0", ["keyStore"] = "file", ["notAfter"] = 1 };
        if (nonce is not null)
            attest["nonce"] = nonce;
        return AskAsync(thing, "create", attest);
    }

    /// <summary>As a device reports to AWS IoT Jobs; marked as ours, so that the backend hears of the end.</summary>
    public async Task UpdateJobAsync(string thing, string jobId, string status)
    {
        var token = Guid.NewGuid().ToString("N");
        var topic = $"$aws/things/{thing}/jobs/{jobId}/update";
        await SendAsync(topic, new JsonObject
        {
            ["status"] = status, ["clientToken"] = token, ["statusDetails"] = new JsonObject { ["CertificateRotator"] = "true", ["step"] = "attacked" },
        });
        var answer = Heard(heard => heard.StartsWith(topic, StringComparison.Ordinal), token) ?? throw new TimeoutException($"no answer to the update of {jobId}");
        Assert.True(answer.Accepted, $"{jobId} to {status}: {answer.Message}");
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        _heard.Dispose();
        return ValueTask.CompletedTask;
    }

    private Answer? Heard(Func<string, bool> on, string? token)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            foreach (var (topic, message) in _heard.GetConsumingEnumerable(patience.Token))
            {
                if (on(topic) && message["clientToken"]?.GetValue<string>() == token)
                    return new Answer(topic.EndsWith("/accepted", StringComparison.Ordinal), message);
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        return null;
    }
}

internal sealed record Answer(bool Accepted, JsonObject Message)
{
    public string? Code => Message["code"]?.GetValue<string>();

    public string Certificate => Message["certificatePem"]!.GetValue<string>();

    public string? Nonce => Message["nonce"]?.GetValue<string>();
}
