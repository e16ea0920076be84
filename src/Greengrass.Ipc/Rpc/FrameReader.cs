using System.IO.Pipelines;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Rpc;

/// <summary>Cuts what comes from the transport into messages.</summary>
internal sealed class FrameReader(Stream transport, int maxMessageBytes)
{
    private readonly PipeReader pipe = PipeReader.Create(transport, new StreamPipeReaderOptions(leaveOpen: true));

    /// <returns>The next message, or null when the stream ended between two messages.</returns>
    /// <exception cref="EventStreamException">The bytes are not a message, or end inside one.</exception>
    /// <exception cref="IpcProtocolException">The message lacks a mandatory header.</exception>
    public async ValueTask<RpcMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            if (EventStreamDecoder.TryRead(ref buffer, maxMessageBytes, out var message))
            {
                pipe.AdvanceTo(buffer.Start);
                return RpcMessage.Parse(message);
            }

            if (result.IsCompleted)
            {
                return buffer.IsEmpty
                    ? null
                    : throw new EventStreamException(EventStreamError.Truncated, $"The stream ended {buffer.Length} bytes into a message.");
            }

            pipe.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    public void Complete() => pipe.Complete();
}
