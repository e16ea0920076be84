using System.Collections.Concurrent;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Rpc;

/// <summary>
/// The event stream RPC over one transport: a handshake, then numbered streams. A stream id is taken and its first frame written in one turn,
/// because the nucleus closes the connection on a gap. One loop reads; it never waits for a consumer or for a write. There is no
/// reconnecting: what fails here ends everything that is open, with the reason.
/// Source: <see href="https://github.com/awslabs/aws-c-event-stream/blob/main/include/aws/event-stream/event_stream_rpc.h"/>.
/// </summary>
internal sealed partial class RpcConnection : IAsyncDisposable
{
    private static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(1);

    private readonly Stream transport;
    private readonly TimeProvider time;
    private readonly FrameReader reader;
    private readonly FrameWriter writer;
    private readonly ConcurrentDictionary<int, RpcStream> streams = new();
    private readonly CancellationTokenSource lifetime = new();
    private readonly TaskCompletionSource<IpcConnectionException> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IpcConnectionException? closeReason;
    private Task readLoop = Task.CompletedTask;
    private int lastStreamId;

    public RpcConnection(Stream transport, int maxMessageBytes, TimeProvider time)
    {
        this.transport = transport;
        this.time = time;
        reader = new FrameReader(transport, maxMessageBytes);
        writer = new FrameWriter(transport, maxMessageBytes, e => Abort(ReasonFor(e)), lifetime.Token);
    }

    /// <summary>Completes, and never fails, with the reason for the end.</summary>
    public Task<IpcConnectionException> Closed => closed.Task;

    /// <summary>Opens a stream with its request. The response comes by the stream.</summary>
    /// <exception cref="EventStreamException">The request is too long. Nothing was sent, no id was used.</exception>
    /// <exception cref="IpcConnectionException">The connection is gone.</exception>
    public Task OpenAsync(RpcStream stream, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken) =>
        writer.BeginWriteAsync(
            () =>
            {
                if (closeReason is { } reason)
                    throw reason;
                stream.Id = lastStreamId + 1;
                return RpcMessage.Create(
                    MessageType.ApplicationMessage, MessageFlags.None, stream.Id, payload,
                    EventStreamHeader.String(RpcMessage.ContentTypeHeader, "application/json"),
                    EventStreamHeader.String(RpcMessage.ServiceModelTypeHeader, stream.Operation.FullName + "Request"),
                    EventStreamHeader.String(RpcMessage.OperationHeader, stream.Operation.FullName));
            },
            () =>
            {
                lastStreamId = stream.Id;
                streams[stream.Id] = stream;
                if (closeReason is { } reason)
                    stream.Fail(reason);
            },
            cancellationToken);

    /// <summary>Closes a stream from this end; what still comes for it is ignored. Does nothing if it is closed.</summary>
    /// <returns>Completes when the nucleus was told, or can't be. It never fails.</returns>
    public Task CloseAsync(RpcStream stream)
    {
        stream.Complete();
        return streams.TryRemove(stream.Id, out _)
            ? SendAsync(RpcMessage.Create(MessageType.ApplicationMessage, MessageFlags.TerminateStream, stream.Id, default))
            : Task.CompletedTask;
    }

    /// <summary>
    /// Takes no more calls, lets the frame that is being written leave, ends the open streams, and closes. A nucleus that does not read is not
    /// waited for.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        var reason = new IpcConnectionException(IpcConnectionFailure.Disposed, "The client was disposed.");
        if (Interlocked.CompareExchange(ref closeReason, reason, null) is null)
        {
            var farewell = new List<Task>();
            foreach (var stream in streams.Values)
            {
                farewell.Add(CloseAsync(stream));
                stream.Fail(reason);
            }

            using var limit = new CancellationTokenSource(FarewellTime, time);
            await Task.WhenAll(farewell).WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            TearDown(reason);
        }

        await closed.Task.ConfigureAwait(false);
        await readLoop.ConfigureAwait(false);
    }

    /// <summary>Sends a message that nobody waits for an answer to. Never fails: if it can't leave, the connection has ended.</summary>
    private async Task SendAsync(EventStreamMessage message)
    {
        try
        {
            var write = await writer.BeginWriteAsync(() => message, null, lifetime.Token).ConfigureAwait(false);
            await write.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The connection ended first.
        }
        catch (EventStreamException e)
        {
            // Only a ping's echo can be too long.
            Abort(ReasonFor(e));
        }
    }

    /// <summary>Ends the connection and everything open on it. Only the first reason counts.</summary>
    private void Abort(IpcConnectionException reason)
    {
        if (Interlocked.CompareExchange(ref closeReason, reason, null) is null)
            TearDown(reason);
    }

    private void TearDown(IpcConnectionException reason)
    {
        lifetime.Cancel();
        transport.Dispose();
        foreach (var stream in streams.Values)
            stream.Fail(reason);
        streams.Clear();
        closed.TrySetResult(reason);
    }

    private static IpcConnectionException ReasonFor(Exception e) => e switch
    {
        IpcConnectionException known => known,
        EventStreamException or IpcProtocolException =>
            new(IpcConnectionFailure.ProtocolViolation, $"The nucleus does not keep to the protocol: {e.Message}", e),
        _ => new(IpcConnectionFailure.Lost, $"The connection to the nucleus was lost: {e.Message}", e),
    };
}
