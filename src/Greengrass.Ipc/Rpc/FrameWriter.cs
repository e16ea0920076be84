using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Rpc;

/// <summary>
/// Writes whole frames, one at a time. What must not be separated from the write (taking the next stream id) runs under the same lock.
/// A frame that was begun is never given up half-written for a caller's sake: the caller may stop waiting, the write goes on.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no wait handle, and writers may still queue when the connection ends.")]
internal sealed class FrameWriter(Stream transport, int maxMessageBytes, Action<Exception> onFailure, CancellationToken lifetime)
{
    private const int KeptBufferBytes = 64 * 1024;

    private readonly SemaphoreSlim turn = new(1, 1);
    private ArrayBufferWriter<byte> buffer = new(1024);

    /// <summary>
    /// Waits until all frames before have left, makes the message and begins to write it. If making it throws, nothing is written. The second
    /// delegate runs once the message is sure to be written next.
    /// </summary>
    /// <returns>The rest of the write. It never fails: the connection does, by the failure callback.</returns>
    /// <exception cref="EventStreamException">The message is too long. Nothing was written.</exception>
    public async Task<Task> BeginWriteAsync(Func<EventStreamMessage> create, Action? committed, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            EventStreamEncoder.Write(buffer, create(), maxMessageBytes);
            committed?.Invoke();
        }
        catch
        {
            turn.Release();
            throw;
        }

        return FlushAsync();
    }

    private async Task FlushAsync()
    {
        try
        {
            await transport.WriteAsync(buffer.WrittenMemory, lifetime).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            onFailure(e);
        }
        finally
        {
            if (buffer.Capacity > KeptBufferBytes)
                buffer = new ArrayBufferWriter<byte>(1024);
            else
                buffer.ResetWrittenCount();
            turn.Release();
        }
    }
}
