namespace Keyturn.LocalCloud;

/// <summary>Every log line of this program. Ids: 1xx host, 2xx API, 3xx functions, 4xx rules and notifications, 5xx broker, 6xx jobs.</summary>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Information, "{Plane} listens on {Url}")]
    public static partial void Listening(this ILogger log, string plane, string url);

    [LoggerMessage(102, LogLevel.Information, "stack {Template} deployed: {Resources} resources")]
    public static partial void StackDeployed(this ILogger log, string template, int resources);

    [LoggerMessage(103, LogLevel.Information, "no template at {Template}: no stack is deployed")]
    public static partial void NoStack(this ILogger log, string template);

    [LoggerMessage(104, LogLevel.Information, "fault '{Fault}' strikes {What}")]
    public static partial void FaultStruck(this ILogger log, string fault, string what);

    [LoggerMessage(201, LogLevel.Information, "{Service}:{Operation} {Status} for {Caller}")]
    public static partial void Called(this ILogger log, string service, string operation, int status, string caller);

    [LoggerMessage(202, LogLevel.Information, "{Method} {Path} ({Service}) refused: {Status} {Code}: {Reason}")]
    public static partial void Refused(this ILogger log, string method, string path, string service, int status, string code, string reason);

    [LoggerMessage(203, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void OperationFailed(this ILogger log, Exception e, string method, string path);

    [LoggerMessage(411, LogLevel.Debug, "rule {Rule} runs for a message on {Topic} from {ClientId}")]
    public static partial void RuleMatched(this ILogger log, string rule, string topic, string clientId);

    [LoggerMessage(412, LogLevel.Warning, "rule {Rule}: {Action} on {Resource} failed")]
    public static partial void RuleActionFailed(this ILogger log, Exception e, string rule, string action, string resource);

    [LoggerMessage(421, LogLevel.Information, "published to {TopicArn}: {MessageId}")]
    public static partial void NotificationPublished(this ILogger log, string topicArn, string messageId);

    [LoggerMessage(422, LogLevel.Warning, "delivery to {Endpoint} failed (attempt {Attempt} of {Attempts}): {Reason}")]
    public static partial void DeliveryFailed(this ILogger log, string endpoint, int attempt, int attempts, string reason);

    [LoggerMessage(301, LogLevel.Information, "{Function}: {Line}")]
    public static partial void FunctionOutput(this ILogger log, string function, string line);

    [LoggerMessage(302, LogLevel.Information, "{Function}: process {Process} started")]
    public static partial void FunctionStarted(this ILogger log, string function, int process);

    [LoggerMessage(303, LogLevel.Information, "{Function}: invocation {RequestId} ended after {Milliseconds} ms")]
    public static partial void FunctionEnded(this ILogger log, string function, string requestId, long milliseconds);

    [LoggerMessage(304, LogLevel.Error, "{Function}: invocation {RequestId} failed (attempt {Attempt}): {Error}")]
    public static partial void FunctionFailed(this ILogger log, string function, string requestId, int attempt, string error);

    [LoggerMessage(305, LogLevel.Error, "{Function}: the event was given up after {Attempts} attempts and went to {Destination}")]
    public static partial void EventGivenUp(this ILogger log, string function, int attempts, string destination);

    [LoggerMessage(306, LogLevel.Warning, "{Function}: on AWS its output would be lost: the role {Role} may not {Action} in {LogGroup}")]
    public static partial void OutputWouldBeLost(this ILogger log, string function, string role, string action, string logGroup);

    [LoggerMessage(404, LogLevel.Information, "{Topic}: published '{Subject}' to {Subscribers} subscribers")]
    public static partial void SnsPublished(this ILogger log, string topic, string subject, int subscribers);

    [LoggerMessage(405, LogLevel.Warning, "{Topic}: {Endpoint} did not take message {MessageId}: {Reason}")]
    public static partial void SnsRefused(this ILogger log, string topic, string endpoint, string messageId, string reason);

    [LoggerMessage(407, LogLevel.Warning, "rule {Rule}: {Target} could not be invoked: {Reason}")]
    public static partial void ScheduleTargetFailed(this ILogger log, string rule, string target, string reason);

    [LoggerMessage(406, LogLevel.Warning, "{LogGroup}: {Message}")]
    public static partial void RuleErrorLogged(this ILogger log, string logGroup, string message);
}
