namespace Greengrass.Ipc;

/// <summary>Why there is no connection to the nucleus.</summary>
public enum IpcConnectionFailure
{
    /// <summary>The socket or pipe could not be opened: the nucleus is not running, or the path is wrong.</summary>
    Unreachable,

    /// <summary>The nucleus did not accept the token or the component name. A token is void once the nucleus has restarted.</summary>
    Refused,

    /// <summary>The nucleus did not answer the handshake in time.</summary>
    TimedOut,

    /// <summary>The nucleus closed the connection or went away.</summary>
    Lost,

    /// <summary>The nucleus sent bytes that are not the protocol, or said that this client did.</summary>
    ProtocolViolation,

    /// <summary>This client was disposed.</summary>
    Disposed,
}

/// <summary>
/// The connection could not be made, or is gone with everything that was open on it. The inner exception, if any, is the reason. Connect again with
/// <see cref="GreengrassIpcClient.ConnectAsync"/>: calls that were under way may or may not have been carried out.
/// </summary>
public sealed class IpcConnectionException : GreengrassIpcException
{
    internal IpcConnectionException(IpcConnectionFailure failure, string message, Exception? inner = null) : base(message, inner) =>
        Failure = failure;

    /// <summary>Why there is no connection.</summary>
    public IpcConnectionFailure Failure { get; }
}
