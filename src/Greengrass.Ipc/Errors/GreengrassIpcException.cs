namespace Greengrass.Ipc;

/// <summary>
/// Anything that goes wrong between this client and the nucleus. Its two branches are <see cref="IpcConnectionException"/>, after which the
/// client is of no more use, and <see cref="IpcServiceException"/>, an answer that says no. A call that gets no answer in time throws
/// <see cref="TimeoutException"/>.
/// </summary>
public abstract class GreengrassIpcException : Exception
{
    private protected GreengrassIpcException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
