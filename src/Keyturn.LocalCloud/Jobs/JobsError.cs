using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>How the Jobs device plane refuses. One row a kind: the code over MQTT, the exception and status over HTTP.</summary>
internal sealed record JobsError(string Code, string Exception, int Status)
{
    public static readonly JobsError InvalidTopic = new("InvalidTopic", "InvalidRequestException", 400);
    public static readonly JobsError InvalidJson = new("InvalidJson", "InvalidRequestException", 400);
    public static readonly JobsError InvalidRequest = new("InvalidRequest", "InvalidRequestException", 400);
    public static readonly JobsError InvalidStateTransition = new("InvalidStateTransition", "InvalidStateTransitionException", 409);
    public static readonly JobsError ResourceNotFound = new("ResourceNotFound", "ResourceNotFoundException", 404);

    /// <summary>The HTTP model names no exception for it; this is the control plane's.</summary>
    public static readonly JobsError VersionMismatch = new("VersionMismatch", "VersionConflictException", 409);

    public static readonly JobsError RequestThrottled = new("RequestThrottled", "ThrottlingException", 429);
    public static readonly JobsError InternalError = new("InternalError", "ServiceUnavailableException", 503);
    public static readonly JobsError TerminalStateReached = new("TerminalStateReached", "TerminalStateException", 410);
}

/// <param name="state">The execution as it is, for the refusals that show it.</param>
internal sealed class JobsException(JobsError error, string message, JobExecution? state = null) : Exception(message)
{
    public JobsError Error { get; } = error;

    public JobExecution? State { get; } = state;

    public ApiException ToApi() => new(Error.Status, Error.Exception, Message);
}
