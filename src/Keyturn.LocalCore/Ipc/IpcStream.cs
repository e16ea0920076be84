using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Ipc;

/// <summary>One operation that a component has under way, from its request to the end of its stream.</summary>
internal sealed class IpcStream(IpcConnection connection, int id, string component)
{
    private readonly Lock gate = new();
    private Action? onClosed;
    private bool answered;
    private bool closed;

    public int Id { get; } = id;

    /// <summary>The component that the connection's token belongs to.</summary>
    public string Component { get; } = component;

    /// <summary>Runs once: when the stream closes, or now if it is closed already.</summary>
    public void WhenClosed(Action action)
    {
        lock (gate)
        {
            if (!closed)
            {
                onClosed += action;
                return;
            }
        }
        action();
    }

    /// <summary>Events before the response are dropped, as the nucleus does.</summary>
    public void SendEvent(string modelType, JsonObject payload)
    {
        lock (gate)
        {
            if (answered && !closed)
                connection.Send(RpcMessage.EncodeJson(MessageType.ApplicationMessage, 0, Id, modelType, payload));
        }
    }

    public void Answer(string modelType, JsonObject payload, bool streaming)
    {
        lock (gate)
        {
            if (closed)
                return;
            var flags = streaming ? 0 : RpcMessage.TerminateStream;
            connection.Send(RpcMessage.EncodeJson(MessageType.ApplicationMessage, flags, Id, modelType, payload));
            answered = true;
        }
        if (!streaming)
            connection.Close(this);
    }

    public void Fail(IpcException error) => Fail(
        RpcMessage.EncodeJson(MessageType.ApplicationError, RpcMessage.TerminateStream, Id, "aws.greengrass#" + error.Name, error.ToJson()));

    /// <summary>What the nucleus answers when a handler breaks, or the request can't be read.</summary>
    public void FailInternally() => Fail(RpcMessage.Encode(
        MessageType.ApplicationError, RpcMessage.TerminateStream, Id, [Header.Of(":content-type", "text/plain")], "InternalServerError"u8.ToArray()));

    public void FailUnsupported(string operation) => Fail(RpcMessage.EncodeJson(
        MessageType.ApplicationError, RpcMessage.TerminateStream, Id, modelType: null,
        new JsonObject { ["error"] = "Unsupported Operation", ["message"] = $"{operation} is an unsupported operation." }));

    /// <summary>To be called by the connection, which forgets the stream first.</summary>
    public void Closed()
    {
        Action? action;
        lock (gate)
        {
            if (closed)
                return;
            closed = true;
            action = onClosed;
        }
        action?.Invoke();
    }

    private void Fail(byte[] frame)
    {
        lock (gate)
        {
            if (closed)
                return;
            connection.Send(frame);
        }
        connection.Close(this);
    }
}
