using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Rpc;

internal sealed partial class RpcConnection
{
    private const string ProtocolVersion = "0.1.0";

    /// <summary>Introduces this client. Nothing else is sent before the nucleus has accepted it.</summary>
    /// <exception cref="IpcConnectionException">It did not accept, not in time, or not in the protocol. The transport is closed.</exception>
    public async Task HandshakeAsync(ReadOnlyMemory<byte> payload, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            var connect = RpcMessage.Create(
                MessageType.Connect, MessageFlags.None, 0, payload, EventStreamHeader.String(RpcMessage.VersionHeader, ProtocolVersion));
            var write = await writer.BeginWriteAsync(() => connect, null, linked.Token).ConfigureAwait(false);
            await write.WaitAsync(linked.Token).ConfigureAwait(false);
            CheckAcknowledgement(await reader.ReadAsync(linked.Token).ConfigureAwait(false));
        }
        catch (Exception e)
        {
            var timedOut = limit.IsCancellationRequested && e is OperationCanceledException;
            Abort(timedOut
                ? new IpcConnectionException(IpcConnectionFailure.TimedOut, $"The nucleus did not answer the handshake within {timeout.TotalSeconds:0.#} s.")
                : RefusalFor(e));
            reader.Complete();
            cancellationToken.ThrowIfCancellationRequested();
            throw closeReason!;
        }

        readLoop = ReadLoopAsync();
    }

    private static void CheckAcknowledgement(RpcMessage? answer)
    {
        switch (answer)
        {
            case null:
                // Nucleus lite says no by closing the socket.
                throw new IpcConnectionException(
                    IpcConnectionFailure.Refused, "The nucleus closed the connection without accepting the token or component name.");
            case { Type: MessageType.ConnectAck } when answer.Flags.HasFlag(MessageFlags.ConnectionAccepted):
                return;
            case { Type: MessageType.ConnectAck }:
                throw new IpcConnectionException(IpcConnectionFailure.Refused, "The nucleus did not accept the token or component name.");
            default:
                throw new IpcConnectionException(
                    IpcConnectionFailure.ProtocolViolation, $"The nucleus answered the handshake with a message of type {answer.Type}. {TextOf(answer)}");
        }
    }

    /// <summary>A peer that refuses may close before it has read everything: then the socket reports a reset instead of the end.</summary>
    private static IpcConnectionException RefusalFor(Exception e) => e is IOException
        ? new IpcConnectionException(IpcConnectionFailure.Refused, "The nucleus broke the connection off without accepting the token or component name.", e)
        : ReasonFor(e);
}
