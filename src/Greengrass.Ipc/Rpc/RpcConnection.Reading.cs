using System.Text;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Rpc;

internal sealed partial class RpcConnection
{
    private const int MaxPendingPings = 64;
    private const int MaxQuotedCharacters = 500;

    private int pendingPings;

    private async Task ReadLoopAsync()
    {
        try
        {
            while (await reader.ReadAsync(lifetime.Token).ConfigureAwait(false) is { } message)
                Dispatch(message);
            Abort(new IpcConnectionException(IpcConnectionFailure.Lost, "The nucleus closed the connection."));
        }
        catch (Exception e)
        {
            Abort(ReasonFor(e));
        }
        finally
        {
            reader.Complete();
        }
    }

    private void Dispatch(RpcMessage message)
    {
        switch (message.Type)
        {
            case MessageType.ApplicationMessage or MessageType.ApplicationError:
                Deliver(message);
                break;
            case MessageType.Ping:
                Answer(message);
                break;
            case MessageType.ProtocolError or MessageType.InternalError:
                throw new IpcConnectionException(
                    IpcConnectionFailure.ProtocolViolation, $"The nucleus ended the connection with a message of type {message.Type}. {TextOf(message)}");
            default:
                // Another acknowledgement, the answer to a ping that was never sent, a type of a later version: nothing depends on them.
                break;
        }
    }

    private void Deliver(RpcMessage message)
    {
        // Messages that crossed with our closing of their stream.
        if (!streams.TryGetValue(message.StreamId, out var stream))
            return;

        switch (stream.Receive(message))
        {
            case StreamFate.Ended:
                streams.TryRemove(message.StreamId, out _);
                break;
            case StreamFate.ToTerminate:
                _ = CloseAsync(stream);
                break;
        }
    }

    /// <summary>Echoes the payload and the headers that are not the protocol's own. Not awaited: reading must go on for the peer to read.</summary>
    private void Answer(RpcMessage ping)
    {
        if (Interlocked.Increment(ref pendingPings) > MaxPendingPings)
            throw new IpcProtocolException("The nucleus sends pings and does not read their answers.");

        EventStreamHeader[] echoed = [.. ping.Message.Headers.Where(header => !header.Name.StartsWith(':'))];
        _ = SendPongAsync(RpcMessage.Create(MessageType.PingResponse, MessageFlags.None, 0, ping.Payload, echoed));
    }

    private async Task SendPongAsync(EventStreamMessage pong)
    {
        await SendAsync(pong).ConfigureAwait(false);
        Interlocked.Decrement(ref pendingPings);
    }

    private static string TextOf(RpcMessage message)
    {
        var text = Encoding.UTF8.GetString(message.Payload.Span[..Math.Min(message.Payload.Length, MaxQuotedCharacters)]);
        return text.Length == 0 ? "It gives no reason." : $"It says: {text}";
    }
}
