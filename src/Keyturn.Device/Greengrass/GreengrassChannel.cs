using Greengrass.Ipc;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Greengrass;

/// <summary>The cloud through the nucleus's own MQTT connection.</summary>
/// <param name="outlivesNucleus">This process goes on when the nucleus ends, and nothing starts it again when it ends too often: it waits for as long as it takes.</param>
internal sealed class GreengrassChannel(GreengrassIpcOptions options, string thing, TimeProvider time, ILogger log, bool outlivesNucleus = false) : ICloudChannel, IAsyncDisposable
{
    /// <summary>A nucleus that is gone for longer than this has started, or will start, another process of this component.</summary>
    private static readonly TimeSpan ReconnectTime = TimeSpan.FromMinutes(1);

    /// <summary>Subscriptions that end sooner are no better than none, and not made anew at once: each time, everything is asked for again.</summary>
    private static readonly TimeSpan ShortestService = TimeSpan.FromSeconds(10);

    private const int LongestPauseSeconds = 60;

    private GreengrassIpcClient? _client;
    private TaskCompletionSource _reopen = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsOpen { get; private set; }

    public GreengrassIpcClient Client => _client ?? throw new InvalidOperationException("not connected yet");

    public event Action<CloudMessage>? Received;

    public event Action? Opened;

    public async Task ConnectAsync(CancellationToken cancellation) =>
        _client = await GreengrassIpcClient.ConnectAsync(options, cancellation).ConfigureAwait(false);

    public void Reopen()
    {
        IsOpen = false;
        _reopen.TrySetResult();
    }

    public async Task<bool> SendAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        try
        {
            await Client.PublishToIoTCoreAsync(topic, payload, QualityOfService.AtMostOnce, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is GreengrassIpcException or TimeoutException or ArgumentException)
        {
            Log.NotSent(log, topic, e.Message);
            return false;
        }
    }

    /// <summary>Keeps the subscriptions up. Throws <see cref="IpcConnectionException"/> when the nucleus is gone.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        for (var failures = 0; ;)
        {
            _reopen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var subscriptions = await SubscribeAsync(failures, cancellation).ConfigureAwait(false);
            var opened = time.GetTimestamp();
            if (subscriptions is not null)
                await ServeAsync(subscriptions, cancellation).ConfigureAwait(false);
            var isOfUse = subscriptions is not null && (_reopen.Task.IsCompleted || time.GetElapsedTime(opened) >= ShortestService);
            if (isOfUse)
                failures = 0;
            if (Client.Closed.IsCompleted)
                await ReconnectAsync(await Client.Closed.ConfigureAwait(false), cancellation).ConfigureAwait(false);
            else if (!isOfUse)
                failures = await WasToldToReopenAsync(TimeSpan.FromSeconds(Pause(failures)), cancellation).ConfigureAwait(false) ? 0 : failures + 1;
        }
    }

    public ValueTask DisposeAsync() => _client?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Who wants the subscriptions made anew knows why it may work now, and does not wait for the pause to end.</summary>
    private async Task<bool> WasToldToReopenAsync(TimeSpan pause, CancellationToken cancellation)
    {
        await Task.WhenAny(_reopen.Task, Task.Delay(pause, time, cancellation)).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return _reopen.Task.IsCompleted;
    }

    private async Task ServeAsync(IpcSubscription<IoTCoreMessage>[] subscriptions, CancellationToken cancellation)
    {
        using var round = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pumps = subscriptions.Select(s => PumpAsync(s, round.Token)).ToArray();
        try
        {
            IsOpen = true;
            Opened?.Invoke();
            Log.Subscribed(log);
            await Task.WhenAny([.. pumps, _reopen.Task, Client.Closed, Task.Delay(Timeout.InfiniteTimeSpan, time, round.Token)]).ConfigureAwait(false);
        }
        finally
        {
            IsOpen = false;
            await round.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(pumps).ConfigureAwait(false);
            await CloseAsync(subscriptions).ConfigureAwait(false);
        }
        cancellation.ThrowIfCancellationRequested();
    }

    private async Task PumpAsync(IpcSubscription<IoTCoreMessage> subscription, CancellationToken cancellation)
    {
        try
        {
            await foreach (var message in subscription.WithCancellation(cancellation).ConfigureAwait(false))
                Received?.Invoke(new CloudMessage(message.Topic, message.Payload));
        }
        catch (Exception e) when (e is GreengrassIpcException or OperationCanceledException)
        {
            // Ended: all subscriptions are made anew, and what may have been missed is asked for.
        }
    }

    private async Task<IpcSubscription<IoTCoreMessage>[]?> SubscribeAsync(int failures, CancellationToken cancellation)
    {
        var requests = Filters().Select(f => Client.SubscribeToIoTCoreAsync(f, QualityOfService.AtMostOnce, cancellation)).ToArray();
        try
        {
            return await Task.WhenAll(requests).ConfigureAwait(false);
        }
        catch (Exception e) when (e is GreengrassIpcException or TimeoutException)
        {
            await CloseAsync(requests.Where(r => r.IsCompletedSuccessfully).Select(r => r.Result)).ConfigureAwait(false);
            if (e is not IpcConnectionException)
                Log.NotSubscribed(log, Explain(e), Pause(failures));
            return null;
        }
    }

    private async Task ReconnectAsync(IpcConnectionException reason, CancellationToken cancellation)
    {
        Log.Disconnected(log, reason.Message);
        await Client.DisposeAsync().ConfigureAwait(false);
        var start = time.GetTimestamp();
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), time, cancellation).ConfigureAwait(false);
            try
            {
                await ConnectAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (IpcConnectionException e) when (outlivesNucleus || (e.Failure != IpcConnectionFailure.Refused && time.GetElapsedTime(start) < ReconnectTime))
            {
                // Perhaps it is starting.
            }
        }
    }

    private IEnumerable<string> Filters()
    {
        yield return Topics.NotifyNext(thing);
        string[] requests = [Topics.JobGet(thing, "+"), Topics.JobUpdate(thing, "+"), Topics.Create(thing), Topics.Commit(thing)];
        foreach (var request in requests)
        {
            yield return Topics.Accepted(request);
            yield return Topics.Rejected(request);
        }
    }

    private static string Explain(Exception e) => e is IpcServiceException { ErrorName: IpcErrorNames.UnauthorizedError }
        ? $"{e.Message} (the component's accessControl does not allow it; if its resources name {{iot:thingName}}, the nucleus needs interpolateComponentConfiguration: true in the deployment)"
        : e.Message;

    private static int Pause(int failures) => Math.Min(1 << Math.Min(failures, 6), LongestPauseSeconds);

    private static async Task CloseAsync(IEnumerable<IpcSubscription<IoTCoreMessage>> subscriptions) =>
        await Task.WhenAll(subscriptions.Select(s => s.DisposeAsync().AsTask())).ConfigureAwait(false);
}
