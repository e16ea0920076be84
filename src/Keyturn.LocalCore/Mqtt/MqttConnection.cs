using System.Buffers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCore.Configuration;
using Microsoft.Extensions.Logging;
using MQTTnet;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Mqtt;

/// <summary>
/// One MQTT connection of the nucleus. The credential files are read when the client object is built and never again:
/// reconnects, which go on for ever, use what is in memory. While no client object could be built, each use tries anew.
/// </summary>
internal sealed class MqttConnection(
    string clientId, NucleusSettings settings, TimeProvider time, ILogger log, Action<MqttConnection, MqttApplicationMessage> received) : IAsyncDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    private readonly Lock gate = new();
    private readonly Dictionary<string, MqttQualityOfServiceLevel> subscribed = [];
    private readonly TaskCompletionSource firstConnect = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource stopping = new();
    private DeviceCredential? credential;
    private IMqttClient? client;
    private Task running = Task.CompletedTask;
    private int subscriptionCount;

    public event Action<bool>? OnlineChanged;

    public string ClientId => clientId;

    public bool IsOnline => client is { IsConnected: true };

    /// <summary>Subscriptions that hold or are being asked for; AWS IoT allows 50 on one connection.</summary>
    public int SubscriptionCount => Volatile.Read(ref subscriptionCount);

    /// <exception cref="CredentialException">No client object can be built from the files.</exception>
    public void Build()
    {
        lock (gate)
        {
            if (client is not null)
                return;
            credential = DeviceCredential.Load(settings);
            client = new MqttClientFactory().CreateMqttClient();
            client.ApplicationMessageReceivedAsync += arrived =>
            {
                received(this, arrived.ApplicationMessage);
                return Task.CompletedTask;
            };
            running = Task.Run(() => KeepConnectedAsync(client, Options(credential), stopping.Token));
        }
    }

    /// <summary>
    /// Before the first connect this waits for it, however long; afterwards it fails at once while offline.
    /// </summary>
    public async Task SubscribeAsync(string filter, MqttQualityOfServiceLevel qos, CancellationToken cancellation)
    {
        Build();
        Interlocked.Increment(ref subscriptionCount);
        var granted = false;
        try
        {
            await firstConnect.Task.WaitAsync(cancellation).ConfigureAwait(false);
            var options = new MqttClientSubscribeOptionsBuilder().WithTopicFilter(filter, qos).Build();
            var result = await WithinOperationTimeoutAsync(token => client!.SubscribeAsync(options, token), cancellation).ConfigureAwait(false);
            var code = result.Items.Single().ResultCode;
            if ((int)code > 2)
                throw new MqttRequestException($"AWS IoT answered with reason code {code}");
            lock (gate)
                subscribed[filter] = qos;
            granted = true;
        }
        finally
        {
            if (!granted)
                Interlocked.Decrement(ref subscriptionCount);
        }
    }

    public async Task UnsubscribeAsync(string filter, CancellationToken cancellation)
    {
        lock (gate)
        {
            if (!subscribed.Remove(filter))
                return;
            Interlocked.Decrement(ref subscriptionCount);
        }
        var options = new MqttClientUnsubscribeOptionsBuilder().WithTopicFilter(filter).Build();
        await WithinOperationTimeoutAsync(token => client!.UnsubscribeAsync(options, token), cancellation).ConfigureAwait(false);
    }

    public async Task PublishAsync(Spooled message, CancellationToken cancellation)
    {
        var application = new MqttApplicationMessageBuilder()
            .WithTopic(message.Topic).WithPayload(message.Payload).WithQualityOfServiceLevel(message.Qos).Build();
        var result = await WithinOperationTimeoutAsync(token => client!.PublishAsync(application, token), cancellation).ConfigureAwait(false);
        if (!result.IsSuccess)
            throw new MqttRequestException($"AWS IoT answered with reason code {result.ReasonCode}");
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
        client?.Dispose();
        credential?.Dispose();
        stopping.Dispose();
    }

    private async Task KeepConnectedAsync(IMqttClient mqtt, MqttClientOptions options, CancellationToken cancellation)
    {
        var attempt = 0;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                var lost = new TaskCompletionSource<MqttClientDisconnectedEventArgs>(TaskCreationOptions.RunContinuationsAsynchronously);
                Task OnDisconnected(MqttClientDisconnectedEventArgs args) => Task.FromResult(lost.TrySetResult(args));
                mqtt.DisconnectedAsync += OnDisconnected;
                try
                {
                    // The first connect asks for a clean session; later ones rejoin it.
                    options.CleanSession = !firstConnect.Task.IsCompleted;
                    using var patience = new CancellationTokenSource(ConnectTimeout, time);
                    using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
                    var connack = await mqtt.ConnectAsync(options, either.Token).ConfigureAwait(false);
                    if (connack.ResultCode != MqttClientConnectResultCode.Success)
                        throw new MqttCommunicationException($"CONNACK {connack.ResultCode} {connack.ReasonString}");
                    log.MqttConnected(clientId, connack.IsSessionPresent);
                    attempt = 0;
                    firstConnect.TrySetResult();
                    OnlineChanged?.Invoke(true);
                    if (!connack.IsSessionPresent)
                        await ResubscribeAsync(mqtt, cancellation).ConfigureAwait(false);
                    var end = await lost.Task.WaitAsync(cancellation).ConfigureAwait(false);
                    log.MqttInterrupted(clientId, end.ReasonString ?? end.Exception?.Message ?? end.Reason.ToString());
                    OnlineChanged?.Invoke(false);
                }
                finally
                {
                    mqtt.DisconnectedAsync -= OnDisconnected;
                }
            }
            catch (Exception problem) when (MqttTransport.IsTrouble(problem))
            {
                // Being cancelled shows as any of these, depending on how far the connect had come.
                if (cancellation.IsCancellationRequested)
                    break;
                log.MqttConnectFailed(clientId, problem.GetBaseException().Message);
            }
            await Backoff(attempt++, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (mqtt.IsConnected)
            await mqtt.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None)
                .WaitAsync(TimeSpan.FromMilliseconds(200), time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Full jitter between the configured bounds.</summary>
    private Task Backoff(int attempt, CancellationToken cancellation)
    {
        var ceiling = Math.Min(settings.MaximumReconnectDelay.TotalMilliseconds, settings.MinimumReconnectDelay.TotalMilliseconds * Math.Pow(2, attempt));
        var delay = RandomNumberGenerator.GetInt32(Math.Min(200, (int)ceiling), (int)ceiling + 1);
        return Task.Delay(TimeSpan.FromMilliseconds(delay), time, cancellation);
    }

    private async Task ResubscribeAsync(IMqttClient mqtt, CancellationToken cancellation)
    {
        KeyValuePair<string, MqttQualityOfServiceLevel>[] filters;
        lock (gate)
            filters = [.. subscribed];
        foreach (var (filter, qos) in filters)
        {
            var options = new MqttClientSubscribeOptionsBuilder().WithTopicFilter(filter, qos).Build();
            var result = await mqtt.SubscribeAsync(options, cancellation).ConfigureAwait(false);
            if ((int)result.Items.Single().ResultCode > 2)
                log.MqttResubscribeRefused(clientId, filter, result.Items.Single().ResultCode.ToString());
        }
    }

    private async Task<T> WithinOperationTimeoutAsync<T>(Func<CancellationToken, Task<T>> operation, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(settings.MqttOperationTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await operation(either.Token).ConfigureAwait(false);
        }
        catch (Exception problem) when (MqttTransport.IsTrouble(problem) || timeout.IsCancellationRequested)
        {
            // Being cancelled shows as any of these too.
            cancellation.ThrowIfCancellationRequested();
            throw new MqttRequestException(timeout.IsCancellationRequested ? "the operation timed out" : problem.GetBaseException().Message, problem);
        }
    }

    private MqttClientOptions Options(DeviceCredential identity) => new MqttClientOptionsBuilder()
        .WithTcpServer(settings.DataEndpoint, settings.MqttPort)
        .WithProtocolVersion(MqttProtocolVersion.V500)
        .WithClientId(clientId)
        .WithKeepAlivePeriod(settings.MqttKeepAlive)
        .WithTimeout(settings.MqttSocketTimeout)
        .WithSessionExpiryInterval(settings.MqttSessionExpirySeconds)
        .WithReceiveMaximum(100)
        .WithRequestProblemInformation()
        .WithIdentity(identity, settings.DataEndpoint)
        .Build();
}

/// <summary>The request could not be carried out; the component gets it as a ServiceError.</summary>
internal sealed class MqttRequestException(string message, Exception? inner = null) : Exception(message, inner);
