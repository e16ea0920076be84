namespace Greengrass.Ipc;

/// <summary>The nucleus answered a call, or ended a subscription, with an error. The connection stays usable.</summary>
public sealed class IpcServiceException : GreengrassIpcException
{
    internal IpcServiceException(string operation, string errorName, string serviceMessage)
        : base($"{operation}: {errorName}{(serviceMessage.Length > 0 ? ": " + serviceMessage : "")}")
    {
        Operation = operation;
        ErrorName = errorName;
        ServiceMessage = serviceMessage;
    }

    /// <summary>The operation that was refused, without its namespace: <c>SubscribeToIoTCore</c>.</summary>
    public string Operation { get; }

    /// <summary>The error's name without its namespace; the known ones are in <see cref="IpcErrorNames"/>.</summary>
    public string ErrorName { get; }

    /// <summary>What the nucleus says about it. Often empty on nucleus lite.</summary>
    public string ServiceMessage { get; }
}

/// <summary>Names of the errors a nucleus answers with.</summary>
public static class IpcErrorNames
{
    /// <summary>Something failed inside the nucleus; on classic also any publish while the device is offline.</summary>
    public const string ServiceError = "ServiceError";

    /// <summary>
    /// The component's <c>accessControl</c> does not allow this. With <c>{iot:thingName}</c> in a resource, the nucleus must have had
    /// <c>interpolateComponentConfiguration: true</c> when the component was deployed.
    /// </summary>
    public const string UnauthorizedError = "UnauthorizedError";

    /// <summary>The request makes no sense to the nucleus.</summary>
    public const string InvalidArgumentsError = "InvalidArgumentsError";

    /// <summary>There is no such component or configuration key.</summary>
    public const string ResourceNotFoundError = "ResourceNotFoundError";

    /// <summary>A newer value is there already.</summary>
    public const string ConflictError = "ConflictError";

    /// <summary>The configuration changed since the time given with the update.</summary>
    public const string FailedUpdateConditionCheckError = "FailedUpdateConditionCheckError";

    /// <summary>The nucleus answered in plain text instead of a modelled error.</summary>
    public const string InternalServerError = "InternalServerError";

    /// <summary>The nucleus does not know the operation.</summary>
    public const string UnsupportedOperation = "UnsupportedOperation";
}
