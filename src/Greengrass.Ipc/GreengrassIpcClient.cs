using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Greengrass.Ipc.EventStream;
using Greengrass.Ipc.Operations;
using Greengrass.Ipc.Rpc;
using Greengrass.Ipc.Transport;

namespace Greengrass.Ipc;

/// <summary>
/// A connection of a component to its Greengrass nucleus, classic or lite. Safe to use from any number of threads. It does not reconnect: when
/// <see cref="Closed"/> completes, make a new one.
/// </summary>
/// <remarks>
/// Every call throws <see cref="IpcServiceException"/> when the nucleus answers with an error, <see cref="IpcConnectionException"/> when the connection is
/// gone, <see cref="TimeoutException"/> when no answer comes within <see cref="GreengrassIpcOptions.CallTimeout"/>,
/// <see cref="OperationCanceledException"/> when it is cancelled, <see cref="IpcProtocolException"/> when the answer can't be understood and
/// <see cref="ArgumentException"/> when the request is longer than <see cref="GreengrassIpcOptions.MaxMessageBytes"/>. After a timeout or a
/// cancellation the nucleus may still carry the call out; its stream is closed.
/// Source: <see href="https://docs.aws.amazon.com/greengrass/v2/developerguide/interprocess-communication.html"/>.
/// </remarks>
public sealed partial class GreengrassIpcClient : IAsyncDisposable
{
    private readonly RpcConnection connection;
    private readonly GreengrassIpcOptions options;

    private GreengrassIpcClient(RpcConnection connection, GreengrassIpcOptions options, int? peerProcessId)
    {
        this.connection = connection;
        this.options = options;
        PeerProcessId = peerProcessId;
    }

    /// <summary>
    /// The process that listens at the nucleus's socket, by the kernel's word. Null where it is not known: not on Linux, or in another pid namespace.
    /// If a service manager made the socket, as systemd may for nucleus lite, it is the service manager's: never signal process 1.
    /// </summary>
    public int? PeerProcessId { get; }

    /// <summary>Completes when the connection has ended, with the reason. It never fails.</summary>
    public Task<IpcConnectionException> Closed => connection.Closed;

    /// <summary>Connects and introduces the component, by its token and, if that is refused, by its name, where they are given.</summary>
    /// <param name="options">Where the nucleus is and who the component is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>A client to make calls with.</returns>
    /// <exception cref="IpcConnectionException">There is no nucleus, or it does not accept the component.</exception>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    public static async Task<GreengrassIpcClient> ConnectAsync(GreengrassIpcOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();

        if (!string.IsNullOrEmpty(options.AuthToken))
        {
            try
            {
                return await IntroduceAsync(options, new ConnectPayload(options.AuthToken, null), cancellationToken).ConfigureAwait(false);
            }
            catch (IpcConnectionException e) when (e.Failure == IpcConnectionFailure.Refused && !string.IsNullOrEmpty(options.ComponentName))
            {
                // The token is void; the name may do.
            }
        }

        return await IntroduceAsync(options, new ConnectPayload(null, options.ComponentName), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the subscriptions and closes the connection. What is under way fails with <see cref="IpcConnectionException"/>.</summary>
    /// <returns>A task that completes when that is done, within a second or so even if the nucleus does not read.</returns>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private static async Task<GreengrassIpcClient> IntroduceAsync(GreengrassIpcOptions options, ConnectPayload introduction, CancellationToken cancellationToken)
    {
        var transport = await OpenTransportAsync(options, cancellationToken).ConfigureAwait(false);
        var peer = PeerCredentials.ProcessIdOf(transport);
        var connection = new RpcConnection(transport, options.MaxMessageBytes, options.TimeProvider);
        var payload = JsonSerializer.SerializeToUtf8Bytes(introduction, WireContext.Instance.ConnectPayload);
        await connection.HandshakeAsync(payload, options.HandshakeTimeout, cancellationToken).ConfigureAwait(false);
        return new GreengrassIpcClient(connection, options, peer);
    }

    private static async Task<Stream> OpenTransportAsync(GreengrassIpcOptions options, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.HandshakeTimeout, options.TimeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await (options.OpenTransport ?? IpcTransport.OpenAsync)(options.SocketPath, linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new IpcConnectionException(
                IpcConnectionFailure.TimedOut, $"{options.SocketPath} could not be opened within {options.HandshakeTimeout.TotalSeconds:0.#} s.");
        }
    }

    private async Task<TResponse> CallAsync<TRequest, TResponse>(
        RpcOperation operation, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TResponse> responseType, CancellationToken cancellationToken)
    {
        var stream = new RpcStream(operation, capacity: 0);
        var response = await InvokeAsync(stream, JsonSerializer.SerializeToUtf8Bytes(request, requestType), cancellationToken).ConfigureAwait(false);
        return Decode(operation, response, responseType);
    }

    /// <summary>A call whose answer says nothing but yes.</summary>
    private async Task CallAsync<TRequest>(
        RpcOperation operation, TRequest request, JsonTypeInfo<TRequest> requestType, CancellationToken cancellationToken)
    {
        var stream = new RpcStream(operation, capacity: 0);
        _ = await InvokeAsync(stream, JsonSerializer.SerializeToUtf8Bytes(request, requestType), cancellationToken).ConfigureAwait(false);
    }

    private async Task<IpcSubscription<TEvent>> SubscribeAsync<TRequest, TWire, TEvent>(
        RpcOperation operation,
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TWire> eventType,
        Func<TWire, TEvent?> toEvent,
        CancellationToken cancellationToken) where TEvent : class
    {
        var stream = new RpcStream(operation, options.SubscriptionCapacity);
        _ = await InvokeAsync(stream, JsonSerializer.SerializeToUtf8Bytes(request, requestType), cancellationToken).ConfigureAwait(false);
        return new IpcSubscription<TEvent>(stream, payload => toEvent(Decode(operation, payload, eventType)), () => CloseAsync(stream));
    }

    private async Task<ReadOnlyMemory<byte>> InvokeAsync(RpcStream stream, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.CallTimeout, options.TimeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await connection.OpenAsync(stream, request, linked.Token).ConfigureAwait(false);
            return await stream.Response.WaitAsync(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = connection.CloseAsync(stream);
            cancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException(
                $"{stream.Operation.Name}: the nucleus did not answer within {options.CallTimeout.TotalSeconds:0.#} s. It may still carry the call out.");
        }
        catch (EventStreamException e)
        {
            throw new ArgumentException($"{stream.Operation.Name}: the request does not fit. {e.Message}", e);
        }
    }

    private async Task CloseAsync(RpcStream stream)
    {
        using var limit = new CancellationTokenSource(options.CallTimeout, options.TimeProvider);
        await connection.CloseAsync(stream).WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static T Decode<T>(RpcOperation operation, ReadOnlyMemory<byte> payload, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(payload.Span, type) ?? throw new IpcProtocolException($"{operation.Name}: the nucleus sent null.");
        }
        catch (JsonException e)
        {
            throw new IpcProtocolException($"{operation.Name}: the nucleus sent something else than promised: {e.Message}", e);
        }
    }
}
