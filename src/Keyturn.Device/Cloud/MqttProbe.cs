using System.Buffers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text.Json;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging;
using MQTTnet;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;

namespace Keyturn.Device.Cloud;

/// <summary>
/// Connects to AWS IoT beside the nucleus, as <c>THING#preflight</c>. Nothing that one attempt finds counts alone: policies take a while to reach every
/// server, and a policy may not allow this client id at all. So a refusal of the new credential is held against what the old one gets in its place.
/// </summary>
/// <param name="endpoint">Asked for at each probe; nothing if it is not known.</param>
/// <param name="preflight">As configured now.</param>
/// <param name="nucleusIsOffline">Then the thing's own client id is free to try.</param>
internal sealed class MqttProbe(
    string thing, ICredentialStore store, Func<CancellationToken, Task<DataEndpoint?>> endpoint, Func<PreflightOptions> preflight, Func<bool> nucleusIsOffline,
    TimeProvider time, ILogger log) : ICredentialProbe
{
    private const string NotTried = "the new certificate was not tried beforehand";
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);

    private string ClientId => thing + "#preflight";

    public async Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation)
    {
        var (mode, limit) = preflight();
        if (mode == PreflightMode.Off)
            return new(PreflightOutcome.Inconclusive, $"{NotTried}: the configuration says so");
        var start = time.GetTimestamp();
        for (var round = 1; ; round++)
        {
            var (found, canWait) = await OnceAsync(rotation, cancellation).ConfigureAwait(false);
            if (found.Outcome == PreflightOutcome.Passed)
                return found;
            var pause = FirstPause * round;
            if (time.GetElapsedTime(start) + pause > limit)
                return found.Outcome == PreflightOutcome.Inconclusive && mode == PreflightMode.On ? found with { Outcome = PreflightOutcome.Refused } : found;
            if (mode == PreflightMode.Auto && !canWait)
                return found;
            await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <returns>What this round found, and whether another may find something else where a pass is not demanded.</returns>
    private async Task<(RotationEvent.PreflightDone Found, bool CanWait)> OnceAsync(CurrentRotation rotation, CancellationToken cancellation)
    {
        if (await endpoint(cancellation).ConfigureAwait(false) is not { } target)
            return (new(PreflightOutcome.Inconclusive, $"{NotTried}: the nucleus's endpoint is not known"), false);
        var verify = rotation is { AnswersTokens: true, RotationId: not null } ? rotation : null;
        var attempt = await TryAsync(target, rotation.New, ClientId, verify, cancellation).ConfigureAwait(false);
        Log.Probed(log, rotation.New, attempt.Detail);
        if (attempt.Succeeded)
            return (new(PreflightOutcome.Passed, attempt.Note), false);
        var old = await TryAsync(target, rotation.Old, ClientId, null, cancellation).ConfigureAwait(false);
        Log.Probed(log, rotation.Old, old.Detail);
        return old.Succeeded
            ? (new(PreflightOutcome.Refused, $"{attempt.Detail}, again and again, while the old one is accepted"), true)
            : (new(PreflightOutcome.Inconclusive, $"{NotTried}: neither it nor the old one may connect beside the nucleus ({old.Detail})"), false);
    }

    public async Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation)
    {
        if (await endpoint(cancellation).ConfigureAwait(false) is not { } target)
            return new(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed);
        var id = ClientId;
        var before = await TryAsync(target, old, id, null, cancellation).ConfigureAwait(false);
        if (!before.Succeeded && nucleusIsOffline())
        {
            id = thing;
            before = await TryAsync(target, old, id, null, cancellation).ConfigureAwait(false);
        }
        var middle = await TryAsync(target, @new, id, null, cancellation).ConfigureAwait(false);
        var after = await TryAsync(target, old, id, null, cancellation).ConfigureAwait(false);
        Log.Compared(log, before.Detail, middle.Detail, after.Detail);
        // As the thing itself: with another client id it may only be that the policy does not allow it.
        var isStranded = id == thing && new[] { before, middle, after }.All(a => a is { Succeeded: false, WasReached: true });
        return new(before.Result, middle.Result, after.Result, isStranded);
    }

    private async Task<Attempt> TryAsync(DataEndpoint target, string credential, string clientId, CurrentRotation? verify, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(ConnectTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        using var client = new MqttClientFactory().CreateMqttClient();
        var dropped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        client.DisconnectedAsync += _ =>
        {
            dropped.TrySetResult();
            return Task.CompletedTask;
        };
        TlsConnection? connection = null;
        try
        {
            using var identity = store.OpenForTls(credential);
            connection = new TlsConnection(target, identity);
            var options = new MqttClientOptionsBuilder()
                .WithTcpServer(target.Host, target.Port)
                .WithStreamProvider(connection)
                .WithClientId(clientId)
                .WithCleanSession()
                .WithProtocolVersion(MqttProtocolVersion.V311)
                .WithTimeout(ConnectTime)
                .Build();
            var result = await client.ConnectAsync(options, either.Token).ConfigureAwait(false);
            if (result.ResultCode != MqttClientConnectResultCode.Success)
                return new(false, $"the connection was refused: {result.ResultCode}", WasReached: true);
            var outcome = verify is null ? new Attempt(true, "accepted") : await VerifyAsync(client, verify, dropped.Task, cancellation).ConfigureAwait(false);
            await LeaveAsync(client, cancellation).ConfigureAwait(false);
            return outcome;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new(false, "no answer in time", WasReached: connection?.WasReached == true);
        }
        catch (Exception e) when (e is MqttCommunicationException or IOException or SocketException or AuthenticationException or CryptographicException or CredentialException or InvalidOperationException)
        {
            cancellation.ThrowIfCancellationRequested();
            return connection?.WasReached == true
                ? new(false, $"the connection failed after the endpoint was reached: {Innermost(e)}", WasReached: true)
                : new(false, $"the endpoint was not reached: {Innermost(e)}");
        }
    }

    /// <summary>What was found stands, however slowly the connection ends.</summary>
    private async Task LeaveAsync(IMqttClient client, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(AnswerTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            if (client.IsConnected)
                await client.DisconnectAsync(new MqttClientDisconnectOptions(), either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MqttCommunicationException or IOException or SocketException or InvalidOperationException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Asks the backend, over this connection, whether it hears the new certificate; AWS ends a connection that publishes what its policy forbids.</summary>
    private async Task<Attempt> VerifyAsync(IMqttClient client, CurrentRotation rotation, Task dropped, CancellationToken cancellation)
    {
        var topic = Topics.Commit(thing);
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var answered = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        client.ApplicationMessageReceivedAsync += received =>
        {
            if (Answers(received.ApplicationMessage, topic, token, out var refusal))
                answered.TrySetResult(refusal);
            return Task.CompletedTask;
        };
        // Of itself, MQTTnet waits without end for a subscription to be confirmed.
        using (var limit = new CancellationTokenSource(ConnectTime, time))
        using (var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token))
        {
            foreach (var filter in (string[])[Topics.Accepted(topic), Topics.Rejected(topic)])
                await client.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithTopicFilter(filter).Build(), either.Token).ConfigureAwait(false);
            var request = JsonSerializer.SerializeToUtf8Bytes(new CommitRequest(rotation.JobId, rotation.RotationId, token, Verify: true), ContractsJson.Default.CommitRequest);
            await client.PublishAsync(new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(request).Build(), either.Token).ConfigureAwait(false);
        }

        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var first = await Task.WhenAny(answered.Task, dropped, Task.Delay(AnswerTime, time, wait.Token)).ConfigureAwait(false);
        await wait.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (first == dropped)
            return new(false, "the connection was ended when it published: the policy may not be in force yet, or forbids it");
        if (first != answered.Task)
            return new(true, "accepted", "tried beforehand: accepted by the cloud, the backend did not answer");
        return await answered.Task.ConfigureAwait(false) switch
        {
            null => new(true, "accepted, and heard by the backend"),
            RefusalCode.WrongPrincipal => new(false, "the backend does not take it for this rotation's certificate"),
            var code => new(true, "accepted", $"tried beforehand: accepted by the cloud, the backend answered {code}"),
        };
    }

    private static bool Answers(MqttApplicationMessage message, string topic, string token, out string? refusal)
    {
        refusal = null;
        try
        {
            var payload = message.Payload.ToArray();
            if (message.Topic == Topics.Accepted(topic))
                return JsonSerializer.Deserialize(payload, ContractsJson.Default.CommitAccepted)?.ClientToken == token;
            if (message.Topic != Topics.Rejected(topic) || JsonSerializer.Deserialize(payload, ContractsJson.Default.Rejected) is not { } rejected)
                return false;
            refusal = rejected.Code is { } code ? Conversations.Short(code) : "a refusal without a code";
            return rejected.ClientToken == token;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e.Message;
    }

    private sealed record Attempt(bool Succeeded, string Detail, string? Note = null, bool WasReached = false)
    {
        public ProbeResult Result => Succeeded ? ProbeResult.Accepted : ProbeResult.Failed;
    }
}
