using System.Buffers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.LocalCore.Mqtt;
using Microsoft.Extensions.Logging;
using MQTTnet;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Lite;

/// <summary>
/// Lite's connection to the cloud. Where key and certificate are is read at the start, what they hold at every attempt to connect. It tries for ever, after a pause
/// between nothing and a limit that doubles from 5 to 300 seconds.
/// </summary>
internal sealed class LiteMqttLink(LiteSettings settings, TimeProvider time, ILogger log) : IDisposable
{
    /// <summary>Of a packet, as its buffer holds it.</summary>
    public const int MaxPacketBytes = 5000;

    private const int FirstPauseSeconds = 5, LongestPauseSeconds = 300;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    private readonly IMqttClient client = new MqttClientFactory().CreateMqttClient();

    public void Dispose() => client.Dispose();

    /// <param name="filters">What is asked for on each new connection.</param>
    public async Task RunAsync(Func<IEnumerable<string>> filters, Action<string, byte[]> deliver, CancellationToken cancellation)
    {
        client.ApplicationMessageReceivedAsync += arrived =>
        {
            Receive(arrived.ApplicationMessage, deliver);
            return Task.CompletedTask;
        };
        for (var limit = FirstPauseSeconds; ; limit = Math.Min(limit * 2, LongestPauseSeconds))
        {
            var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task OnDisconnected(MqttClientDisconnectedEventArgs args) => Task.FromResult(lost.TrySetResult());
            client.DisconnectedAsync += OnDisconnected;
            try
            {
                using var credential = DeviceCredential.Load(settings.PrivateKeyPath, settings.CertificatePath, settings.RootCaPath);
                using var patience = new CancellationTokenSource(ConnectTimeout, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
                var connack = await client.ConnectAsync(Options(credential), either.Token).ConfigureAwait(false);
                if (connack.ResultCode != MqttClientConnectResultCode.Success)
                    throw new MqttCommunicationException($"CONNACK {connack.ResultCode}");
                log.MqttConnected(settings.ThingName, connack.IsSessionPresent);
                limit = FirstPauseSeconds;
                foreach (var filter in filters())
                    Subscribe(filter, 0);
                await lost.Task.WaitAsync(cancellation).ConfigureAwait(false);
                log.MqttInterrupted(settings.ThingName, "the connection was lost");
            }
            catch (Exception problem) when (IsExpected(problem) && !cancellation.IsCancellationRequested)
            {
                log.MqttConnectFailed(settings.ThingName, (problem as CredentialException ?? problem.GetBaseException()).Message);
            }
            finally
            {
                client.DisconnectedAsync -= OnDisconnected;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(limit * 1000)), time, cancellation).ConfigureAwait(false);
        }
    }

    /// <returns>Why it was not sent, or null: more is not known.</returns>
    public async Task<string?> PublishAsync(string topic, byte[] payload, int qos, CancellationToken cancellation)
    {
        if (!client.IsConnected)
            return "not connected";
        try
        {
            var message = new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload).WithQualityOfServiceLevel((MqttQualityOfServiceLevel)qos).Build();
            await client.PublishAsync(message, cancellation).ConfigureAwait(false);
            return null;
        }
        catch (Exception problem) when (IsExpected(problem))
        {
            return problem.Message;
        }
    }

    /// <summary>Whether the cloud grants it is not waited for.</summary>
    /// <returns>Why it was not sent, or null.</returns>
    public string? Subscribe(string filter, int qos)
    {
        if (!client.IsConnected)
            return "not connected";
        _ = UnheardAsync(client.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithTopicFilter(filter, (MqttQualityOfServiceLevel)qos).Build()));
        return null;
    }

    public void Unsubscribe(string filter)
    {
        if (client.IsConnected)
            _ = UnheardAsync(client.UnsubscribeAsync(new MqttClientUnsubscribeOptionsBuilder().WithTopicFilter(filter).Build()));
    }

    private async Task UnheardAsync(Task sent)
    {
        try
        {
            await sent.ConfigureAwait(false);
        }
        catch (Exception problem) when (IsExpected(problem) || problem is ObjectDisposedException)
        {
            log.MqttInterrupted(settings.ThingName, problem.Message);
        }
    }

    private void Receive(MqttApplicationMessage message, Action<string, byte[]> deliver)
    {
        var payload = message.Payload.ToArray();
        // PUBLISH of MQTT 3.1.1: a type, up to four bytes of length, the topic with its length, an identifier, the payload.
        var remaining = 2 + Encoding.UTF8.GetByteCount(message.Topic) + (message.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtMostOnce ? 0 : 2) + payload.Length;
        var length = 1 + (remaining < 128 ? 1 : remaining < 16384 ? 2 : 3) + remaining;
        if (length > MaxPacketBytes)
            log.PacketDropped(message.Topic, length);
        else
            deliver(message.Topic, payload);
    }

    private static bool IsExpected(Exception problem) => problem is CredentialException || MqttTransport.IsTrouble(problem);

    private MqttClientOptions Options(DeviceCredential identity) => new MqttClientOptionsBuilder()
        .WithTcpServer(settings.DataEndpoint, settings.MqttPort)
        .WithProtocolVersion(MqttProtocolVersion.V311)
        .WithClientId(settings.ThingName)
        .WithCleanSession()
        .WithKeepAlivePeriod(TimeSpan.FromSeconds(30))
        .WithIdentity(identity, settings.DataEndpoint)
        .Build();
}
