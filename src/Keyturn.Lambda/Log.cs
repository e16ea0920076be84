using Microsoft.Extensions.Logging;

namespace Keyturn.Lambda;

internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Error, "the function can't start: {reason}")]
    public static partial void StartFailed(this ILogger logger, string reason);

    [LoggerMessage(2001, LogLevel.Error, "the invocation failed, Lambda tries it again: {errorType}: {reason}")]
    public static partial void InvocationFailed(this ILogger logger, string errorType, string reason);

    [LoggerMessage(2002, LogLevel.Information, "the runtime API is gone, so is this function: {reason}")]
    public static partial void RuntimeGone(this ILogger logger, string reason);

    [LoggerMessage(2003, LogLevel.Error, "the runtime API answered with status {status} and no invocation")]
    public static partial void RuntimeRefused(this ILogger logger, int status);
}
