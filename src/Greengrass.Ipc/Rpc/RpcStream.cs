using System.Threading.Channels;

namespace Greengrass.Ipc.Rpc;

/// <summary>What one operation of the service is called, and, for a subscription, the model type of its events.</summary>
internal readonly record struct RpcOperation(string Name, string? EventType = null, string Namespace = "aws.greengrass")
{
    public string FullName => $"{Namespace}#{Name}";
}

/// <summary>What the connection has to do after a message was handed to a stream.</summary>
internal enum StreamFate
{
    /// <summary>More may come.</summary>
    Open,

    /// <summary>The nucleus has closed the stream.</summary>
    Ended,

    /// <summary>This end is done with the stream and the nucleus doesn't know yet.</summary>
    ToTerminate,
}

/// <summary>
/// One call or subscription. The reader loop feeds it, and never waits for its consumer: the queue for events is there before the request is
/// sent, so that events which follow the response at once are kept, and when it is full the subscription fails.
/// </summary>
internal sealed class RpcStream
{
    private readonly int capacity;
    private readonly TaskCompletionSource<ReadOnlyMemory<byte>> response = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<ReadOnlyMemory<byte>>? events;

    public RpcStream(RpcOperation operation, int capacity)
    {
        Operation = operation;
        this.capacity = capacity;
        if (operation.EventType is not null)
            events = Channel.CreateBounded<ReadOnlyMemory<byte>>(new BoundedChannelOptions(capacity) { SingleWriter = false });
    }

    public RpcOperation Operation { get; }

    /// <summary>Set once, under the write lock, when the request is written.</summary>
    public int Id { get; set; }

    public Task<ReadOnlyMemory<byte>> Response => response.Task;

    public ChannelReader<ReadOnlyMemory<byte>> Events => events!.Reader;

    public StreamFate Receive(RpcMessage message)
    {
        if (message.Type == MessageType.ApplicationError)
        {
            Fail(ServiceErrors.Read(Operation.Name, message));
            return message.TerminatesStream ? StreamFate.Ended : StreamFate.ToTerminate;
        }

        var fate = IsEvent(message) ? ReceiveEvent(message) : IsEnd(message) && message.ServiceModelType is null ? StreamFate.Ended : ReceiveResponse(message);
        if (!message.TerminatesStream)
            return fate;

        events?.Writer.TryComplete();
        Fail(new IpcProtocolException($"{Operation.Name}: the nucleus closed the stream without a response."));
        return StreamFate.Ended;
    }

    /// <summary>Ends the stream, as far as it has not ended yet. Events that wait to be read are still read before the reason is thrown.</summary>
    public void Fail(Exception reason)
    {
        events?.Writer.TryComplete(reason);
        response.TrySetException(reason);

        // The caller may be gone already: then nobody else observes it.
        _ = response.Task.Exception;
    }

    /// <summary>Ends the stream on the consumer's wish: the enumeration ends.</summary>
    public void Complete() => events?.Writer.TryComplete();

    /// <summary>Nucleus lite binds the subscription before it responds, so an event can overtake the response: its model type tells.</summary>
    private bool IsEvent(RpcMessage message) => events is not null && (response.Task.IsCompleted || message.ServiceModelType == Operation.EventType);

    /// <summary>The end of a stream is an empty message that carries the flag.</summary>
    private static bool IsEnd(RpcMessage message) => message.TerminatesStream && message.Payload.IsEmpty;

    private StreamFate ReceiveResponse(RpcMessage message)
    {
        response.TrySetResult(message.Payload);
        return events is null ? StreamFate.ToTerminate : StreamFate.Open;
    }

    private StreamFate ReceiveEvent(RpcMessage message)
    {
        if (IsEnd(message))
            return StreamFate.Ended;
        if (events!.Writer.TryWrite(message.Payload))
            return StreamFate.Open;

        Fail(new IpcSubscriptionOverflowException(Operation.Name, capacity));
        return StreamFate.ToTerminate;
    }
}
