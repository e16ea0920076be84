namespace Greengrass.Ipc;

/// <summary>
/// Events came faster than they were read and <see cref="GreengrassIpcOptions.SubscriptionCapacity"/> was reached. The subscription was closed
/// rather than losing an event unnoticed: everything up to the gap was delivered. Subscribe again, and ask for what may have been missed.
/// </summary>
public sealed class IpcSubscriptionOverflowException : GreengrassIpcException
{
    internal IpcSubscriptionOverflowException(string operation, int capacity)
        : base($"{operation}: {capacity} events wait to be read and another one came. The subscription was closed; subscribe again.")
    {
    }
}
