using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Ipc;

/// <summary>
/// The server's end of one component's connection. What is refused, with which message, and when the connection is closed
/// for it follows aws-c-event-stream's RPC server, which is what the nucleus uses.
/// </summary>
internal sealed class IpcConnection(
    Stream transport, Func<string, string?> componentOf, IReadOnlyDictionary<string, Operation> operations, ILogger log, IpcManner? manner = null, int peer = 0) : IAsyncDisposable
{
    private const string ProtocolVersion = "0.1.0";

    private readonly Channel<byte[]> outgoing = Channel.CreateUnbounded<byte[]>(new() { SingleReader = true });
    private readonly Dictionary<int, IpcStream> streams = [];
    private readonly CancellationTokenSource closing = new();
    private string? component;
    private bool connectSeen;
    private int latestStreamId;

    /// <summary>Serves until the peer leaves or breaks the protocol.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, closing.Token);
        var writing = WriteAsync(ended.Token);
        try
        {
            while (await Frame.ReadAsync(transport, ended.Token, manner?.MaxMessageBytes ?? Frame.MaxBytes).ConfigureAwait(false) is { } frame && Route(frame))
            {
            }
        }
        catch (Exception problem) when (problem is FrameException or EndOfStreamException)
        {
            // Bytes that are no frame can't be answered: nothing says where the next message would begin.
            log.IpcFrameRefused(component ?? "unauthenticated", problem.Message);
        }
        catch (Exception problem) when (problem is IOException or OperationCanceledException or ObjectDisposedException)
        {
            log.IpcConnectionLost(component ?? "unauthenticated", problem.Message);
        }
        finally
        {
            CloseStreams();
            outgoing.Writer.TryComplete();
            await Task.WhenAny(writing, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellation)).ConfigureAwait(false);
            await closing.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Send(byte[] frame)
    {
        if (frame.Length > manner?.MaxMessageBytes)
            log.IpcMessageTooLong(component ?? "unauthenticated", frame.Length);
        else
            outgoing.Writer.TryWrite(frame);
    }

    public void Close(IpcStream stream)
    {
        lock (streams)
            streams.Remove(stream.Id);
        stream.Closed();
    }

    public async ValueTask DisposeAsync()
    {
        CloseStreams();
        closing.Dispose();
        await transport.DisposeAsync().ConfigureAwait(false);
    }

    /// <returns>False when the connection is to be closed.</returns>
    private bool Route(Frame frame)
    {
        if (manner is not null && frame.Headers.FirstOrDefault(h => h.Type is not (HeaderType.Int32 or HeaderType.String)) is { } odd)
            throw new FrameException($"header {odd.Name} is neither a 32-bit integer nor a string");
        if (RpcMessage.From(frame) is not { } message)
            return Refuse("every message carries :message-type, :message-flags and :stream-id as 32-bit integers");
        if (component is null && message.Type != MessageType.Connect)
            return Refuse("only CONNECT may be sent before CONNECT_ACK");
        return message.StreamId switch
        {
            0 => RouteToConnection(message),
            < 0 => Refuse("the stream id is out of range"),
            _ when message.Type > MessageType.ApplicationError || message.Type < 0 => Refuse("only application messages may carry a stream id"),
            _ when message.StreamId <= latestStreamId => RouteToOpenStream(message),
            _ => RouteToNewStream(message),
        };
    }

    private bool RouteToConnection(RpcMessage message)
    {
        switch (message.Type)
        {
            case MessageType.Connect when connectSeen:
                return Refuse("only one CONNECT is allowed on a connection");
            case MessageType.Connect:
                connectSeen = true;
                return manner is null ? Authenticate(message.Frame) : Introduce(manner, message.Frame);
            case MessageType.Ping:
                var echoed = message.Frame.Headers.Where(h => !h.Name.StartsWith(':'));
                Send(RpcMessage.Encode(MessageType.PingResponse, 0, 0, echoed, message.Frame.Payload));
                return true;
            case MessageType.PingResponse:
                return true;
            case MessageType.ConnectAck or MessageType.ProtocolError or MessageType.InternalError:
                var body = new JsonObject { ["error"] = "Unrecognized Message Type", ["message"] = $"message type {message.Type} is not for a server" };
                Send(RpcMessage.EncodeJson(MessageType.InternalError, 0, 0, modelType: null, body));
                return false;
            default:
                return Refuse("the message type is not valid on stream 0");
        }
    }

    private bool Authenticate(Frame frame)
    {
        component = frame.Find(":version")?.AsString == ProtocolVersion && Token(frame.Payload) is { } token ? componentOf(token) : null;
        Send(RpcMessage.Encode(MessageType.ConnectAck, component is null ? 0 : RpcMessage.ConnectionAccepted, 0, [], default));
        if (component is null)
            log.IpcConnectRefused();
        else
            log.IpcConnected(component);
        return component is not null;
    }

    /// <returns>False when it is refused: then the connection ends without a word.</returns>
    private bool Introduce(IpcManner strict, Frame frame)
    {
        var introduced = frame.Find(":version")?.AsString == ProtocolVersion ? strict.Introduce(frame.Payload, peer) : null;
        component = introduced?.Component;
        if (introduced is null)
            log.IpcConnectRefused();
        else
            Send(RpcMessage.Encode(
                MessageType.ConnectAck, RpcMessage.ConnectionAccepted, 0, introduced.Token is { } token ? [Header.Of("svcuid", token)] : [], default));
        return introduced is not null;
    }

    private static string? Token(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return (JsonNode.Parse(payload.Span) as JsonObject)?.Text("authToken");
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private bool RouteToOpenStream(RpcMessage message)
    {
        IpcStream? stream;
        lock (streams)
            stream = streams.GetValueOrDefault(message.StreamId);
        // Both ends may close a stream at once, so only a message that would keep it open is a fault.
        if (stream is null)
            return message.Terminates || Refuse("the stream id belongs to no open stream");
        if (message.Frame.Payload.Length > 0)
            stream.FailInternally();
        else if (message.Terminates)
            Close(stream);
        return true;
    }

    private bool RouteToNewStream(RpcMessage message)
    {
        if (message.StreamId != latestStreamId + 1)
            return Refuse("a new stream id must follow the last one by exactly 1");
        if (message.Frame.Find("operation")?.AsString is not { Length: > 0 } name)
            return Refuse("the first message of a stream must name its operation");
        latestStreamId = message.StreamId;
        if (message.Terminates)
            return true;
        var stream = new IpcStream(this, message.StreamId, component!);
        lock (streams)
            streams.Add(stream.Id, stream);
        if (operations.GetValueOrDefault(name) is { } operation)
            _ = InvokeAsync(operation, stream, message.Frame.Payload);
        else
            Fail(stream, name);
        return true;
    }

    private void Fail(IpcStream stream, string operation)
    {
        if (manner is null)
            stream.FailUnsupported(operation);
        else
            stream.Fail(IpcException.Service(""));
    }

    private async Task InvokeAsync(Operation operation, IpcStream stream, ReadOnlyMemory<byte> payload)
    {
        try
        {
            var request = JsonNode.Parse(payload.Span) as JsonObject ?? throw new JsonException("the request is not an object");
            var response = await operation.Handle(stream, request, closing.Token).ConfigureAwait(false);
            stream.Answer(operation.ResponseType, response, operation.Streaming);
        }
        catch (IpcException refusal)
        {
            log.IpcOperationRefused(stream.Component, operation.Name, refusal.Name, refusal.Message);
            stream.Fail(refusal);
        }
        catch (JsonException problem)
        {
            log.IpcRequestUnreadable(stream.Component, operation.Name, problem.Message);
            stream.FailInternally();
        }
        catch (OperationCanceledException)
        {
            Close(stream);
        }
        catch (Exception problem)
        {
            log.IpcOperationBroke(stream.Component, operation.Name, problem);
            stream.FailInternally();
        }
    }

    private bool Refuse(string reason)
    {
        log.IpcProtocolError(component ?? "unauthenticated", reason);
        Send(RpcMessage.EncodeJson(MessageType.ProtocolError, 0, 0, modelType: null, new JsonObject { ["message"] = reason }));
        return false;
    }

    private void CloseStreams()
    {
        IpcStream[] open;
        lock (streams)
        {
            open = [.. streams.Values];
            streams.Clear();
        }
        foreach (var stream in open)
            stream.Closed();
    }

    private async Task WriteAsync(CancellationToken cancellation)
    {
        try
        {
            await foreach (var frame in outgoing.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                await transport.WriteAsync(frame, cancellation).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is IOException or OperationCanceledException or ObjectDisposedException)
        {
            await closing.CancelAsync().ConfigureAwait(false);
        }
    }
}
