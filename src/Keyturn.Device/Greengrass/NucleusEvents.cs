using Greengrass.Ipc;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Greengrass;

/// <summary>What the nucleus tells and asks this component beside the cloud's messages, on each connection to it.</summary>
internal sealed class NucleusEvents(GreengrassChannel channel, ConfigurationWatch configuration, DeploymentWatch deployments, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(10);

    /// <summary>Lite never will; a nucleus or a daemon that was in trouble may.</summary>
    private static readonly TimeSpan OfferPause = TimeSpan.FromMinutes(10);

    private GreengrassIpcClient? _client;
    private Task[] _listening = [];

    /// <summary>Subscribes, then reads: no change falls between.</summary>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        var client = _client = channel.Client;
        var proposals = new Listener<ConfigurationProposal>(
            "validation of configurations", client.SubscribeToValidateConfigurationUpdatesAsync, (p, c) => configuration.JudgeProposalsAsync(client, p, c));
        var updates = new Listener<ComponentUpdate>(
            "component updates", client.SubscribeToComponentUpdatesAsync, (u, c) => deployments.AnswerAsync(client, u, c));
        var changes = new Listener<ConfigurationUpdate>(
            "changes of the configuration", c => client.SubscribeToConfigurationUpdateAsync(cancellationToken: c), (u, c) => configuration.FollowAsync(client, u, c));
        await Task.WhenAll(SubscribeAsync(proposals, cancellation), SubscribeAsync(updates, cancellation), SubscribeAsync(changes, cancellation)).ConfigureAwait(false);
        try
        {
            await configuration.ReadAsync(client, cancellation).ConfigureAwait(false);
        }
        catch
        {
            // They are made anew: two of a kind would be answered twice.
            await Task.WhenAll(proposals.EndAsync(), updates.EndAsync(), changes.EndAsync()).ConfigureAwait(false);
            throw;
        }
        _listening = [ListenAsync(client, proposals, cancellation), ListenAsync(client, updates, cancellation), ListenAsync(client, changes, cancellation)];
    }

    /// <summary>Serves the connection that was opened, and each later one.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            // One that fails as nothing should ends this component, and is not hidden by the others.
            await foreach (var ended in Task.WhenEach(_listening).ConfigureAwait(false))
                await ended.ConfigureAwait(false);
            if (_client is { } client)
                await client.Closed.WaitAsync(cancellation).ConfigureAwait(false);
            while (ReferenceEquals(channel.Client, _client))
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancellation).ConfigureAwait(false);
            try
            {
                await OpenAsync(cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is GreengrassIpcException or TimeoutException)
            {
                Log.NotListening(log, e.Message);
                await Task.Delay(RetryPause, time, cancellation).ConfigureAwait(false);
                _client = null;
            }
        }
    }

    private async Task SubscribeAsync<T>(Listener<T> listener, CancellationToken cancellation) where T : class
    {
        try
        {
            listener.Subscription = await listener.Subscribe(cancellation).ConfigureAwait(false);
            listener.IsOffered = true;
        }
        catch (IpcServiceException e)
        {
            // Nucleus lite has neither validation nor component updates.
            if (listener.IsOffered)
                Log.NotOffered(log, listener.What, e.Message);
            listener.IsOffered = false;
        }
    }

    private async Task ListenAsync<T>(GreengrassIpcClient client, Listener<T> listener, CancellationToken cancellation) where T : class
    {
        while (true)
        {
            if (!listener.IsOffered)
                await PauseAsync(client, OfferPause, cancellation).ConfigureAwait(false);
            if (client.Closed.IsCompleted)
                return;
            try
            {
                if (listener.Subscription is { } subscription)
                {
                    await listener.Serve(subscription, cancellation).ConfigureAwait(false);
                    listener.Subscription = null;
                }
                await SubscribeAsync(listener, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is GreengrassIpcException or TimeoutException)
            {
                // The stream is over, perhaps with the connection.
                listener.Subscription = null;
                if (!client.Closed.IsCompleted)
                    Log.NotListening(log, e.Message);
                await PauseAsync(client, RetryPause, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>As long as the connection lasts.</summary>
    private async Task PauseAsync(GreengrassIpcClient client, TimeSpan pause, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(client.Closed, Task.Delay(pause, time, over.Token)).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }

    private sealed record Listener<T>(
        string What, Func<CancellationToken, Task<IpcSubscription<T>>> Subscribe, Func<IpcSubscription<T>, CancellationToken, Task> Serve) where T : class
    {
        public IpcSubscription<T>? Subscription { get; set; }

        public bool IsOffered { get; set; } = true;

        public Task EndAsync() => Subscription?.DisposeAsync().AsTask() ?? Task.CompletedTask;
    }
}
