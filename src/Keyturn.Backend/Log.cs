using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>Every line names thing, job and rotation where they are known; none has a place for a key, a CSR or a payload.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Warning, "{thing}: {topic} refused, job {jobId}, rotation {rotationId}, principal {principal}: {code}: {reason}")]
    public static partial void Refused(
        this ILogger logger, string thing, string topic, string? jobId, string? rotationId, string principal, string code, string reason);

    [LoggerMessage(1001, LogLevel.Warning, "{thing}: no answer to a stranger on {topic}, principal {principal}: {code}: {reason}")]
    public static partial void StrangerIgnored(this ILogger logger, string thing, string topic, string principal, string code, string reason);

    [LoggerMessage(1002, LogLevel.Information, "{thing}: job {jobId}, rotation {rotationId}: {oldState} to {newState} after {seconds} s, by {cause}")]
    private static partial void Moved(
        this ILogger logger, string thing, string jobId, string rotationId, RotationState? oldState, RotationState newState, double seconds, string cause);

    /// <summary>The rotation as it was stored, after its last step.</summary>
    public static void Moved(this ILogger logger, Rotation stored)
    {
        var step = stored.Trail[^1];
        var before = stored.Trail.Length > 1 ? stored.Trail[^2] : null;
        logger.Moved(
            stored.Thing, stored.JobId, stored.RotationId, before?.State, step.State, (step.At - (before ?? step).At).TotalSeconds,
            step.Principal is null ? "event" : "device");
    }

    [LoggerMessage(1003, LogLevel.Information, "{thing}: job {jobId}, rotation {rotationId}: another invocation is at work on it")]
    public static partial void LeftToAnother(this ILogger logger, string thing, string jobId, string rotationId);

    [LoggerMessage(1004, LogLevel.Information, "{thing}: job {jobId}, rotation {rotationId}: certificate {certificateId} issued")]
    public static partial void Issued(this ILogger logger, string thing, string jobId, string rotationId, string certificateId);

    [LoggerMessage(1005, LogLevel.Information, "{thing}: job {jobId}, rotation {rotationId}: certificate {certificateId} retired")]
    public static partial void Retired(this ILogger logger, string thing, string jobId, string rotationId, string certificateId);

    [LoggerMessage(1006, LogLevel.Warning, "{thing}: job {jobId}, rotation {rotationId}: {certificateId} left as it is: {reason}")]
    public static partial void NotRetired(
        this ILogger logger, string thing, string jobId, string rotationId, string certificateId, string reason);

    [LoggerMessage(1007, LogLevel.Information, "{thing}: job {jobId} ended as {status}: nothing to do")]
    public static partial void NothingToClose(this ILogger logger, string thing, string jobId, string status);

    [LoggerMessage(1008, LogLevel.Warning, "{thing}: job {jobId}, rotation {rotationId}: operators notified: {kind} {code}: {reason}")]
    public static partial void Notified(
        this ILogger logger, string thing, string? jobId, string? rotationId, NoticeKind kind, string code, string reason);

    [LoggerMessage(1009, LogLevel.Warning, "{thing}: job {jobId}, rotation {rotationId}: put off: {error}")]
    public static partial void PutOff(this ILogger logger, string thing, string? jobId, string? rotationId, string error);

    [LoggerMessage(1010, LogLevel.Information, "{thing}: {topic} answered, job {jobId}, rotation {rotationId}")]
    public static partial void Answered(this ILogger logger, string thing, string topic, string? jobId, string? rotationId);

    [LoggerMessage(1011, LogLevel.Information, "{thing}: job {jobId}, rotation {rotationId}: certificate {certificateId} is INACTIVE and kept until {until}")]
    public static partial void KeptInGrace(
        this ILogger logger, string thing, string jobId, string rotationId, string certificateId, DateTimeOffset until);

    [LoggerMessage(1012, LogLevel.Warning, "{thing}: job {jobId}, rotation {rotationId}: certificate {certificateId} was issued and never recorded: retired after {seconds} s")]
    public static partial void OrphanRetired(
        this ILogger logger, string thing, string jobId, string rotationId, string certificateId, double seconds);

    [LoggerMessage(1013, LogLevel.Information, "sweep over: {things} things with open rotations, {orphans} unrecorded certificates retired, {silent} devices silent, all done: {complete}")]
    public static partial void Swept(this ILogger logger, int things, int orphans, int silent, bool complete);
}
