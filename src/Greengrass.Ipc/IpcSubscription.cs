using Greengrass.Ipc.Rpc;

namespace Greengrass.Ipc;

/// <summary>
/// Events of one subscription, from the moment the nucleus confirmed it. Up to <see cref="GreengrassIpcOptions.SubscriptionCapacity"/> events wait to be
/// read. Enumerate it in one place at a time; leaving the enumeration does not unsubscribe, disposing does.
/// </summary>
/// <remarks>
/// The enumeration ends when the subscription is disposed or the nucleus closes it, and otherwise throws, after the events that came before:
/// <see cref="IpcConnectionException"/> when the connection is gone, <see cref="IpcServiceException"/> when the nucleus ends the subscription with an error,
/// <see cref="IpcSubscriptionOverflowException"/> when events were not read fast enough, and <see cref="IpcProtocolException"/>, with the
/// subscription closed, for an event that can't be understood.
/// On nucleus lite a subscription to IoT Core falls silent without an end when the MQTT daemon restarts.
/// </remarks>
/// <typeparam name="T">The events.</typeparam>
public sealed class IpcSubscription<T> : IAsyncEnumerable<T>, IAsyncDisposable where T : class
{
    private readonly RpcStream stream;
    private readonly Func<ReadOnlyMemory<byte>, T?> decode;
    private readonly Func<Task> close;

    internal IpcSubscription(RpcStream stream, Func<ReadOnlyMemory<byte>, T?> decode, Func<Task> close)
    {
        this.stream = stream;
        this.decode = decode;
        this.close = close;
    }

    /// <summary>Reads events as they come.</summary>
    /// <param name="cancellationToken">Ends the enumeration; the subscription stays.</param>
    /// <returns>The enumerator.</returns>
    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        await foreach (var payload in stream.Events.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            T? decoded;
            try
            {
                decoded = decode(payload);
            }
            catch (IpcProtocolException)
            {
                await DisposeAsync().ConfigureAwait(false);
                throw;
            }

            // Null: an event of a kind that this version does not know.
            if (decoded is not null)
                yield return decoded;
        }
    }

    /// <summary>Unsubscribes. Returns when the nucleus was told, or after <see cref="GreengrassIpcOptions.CallTimeout"/>. Never throws.</summary>
    /// <returns>A task that completes then.</returns>
    public async ValueTask DisposeAsync() => await close().ConfigureAwait(false);
}
