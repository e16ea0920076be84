namespace Greengrass.Ipc;

/// <summary>
/// One answer or event of the nucleus could not be understood: it is not the JSON that the operation promises. Only that call or subscription
/// ends; the connection stays usable.
/// </summary>
public sealed class IpcProtocolException : GreengrassIpcException
{
    internal IpcProtocolException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
