using System.Net;

namespace Keyturn.LocalCloud;

/// <summary>Of the device side: 5xx broker, 6xx jobs, 7xx shadows.</summary>
internal static partial class Log
{
    [LoggerMessage(500, LogLevel.Information, "MQTT over TLS on 127.0.0.1:{Port}")]
    public static partial void MqttListening(this ILogger logger, int port);

    [LoggerMessage(501, LogLevel.Debug, "Handshake with {Remote} failed: {Reason}")]
    public static partial void HandshakeFailed(this ILogger logger, EndPoint? remote, string reason);

    [LoggerMessage(502, LogLevel.Information, "{ClientId} connected with certificate {Principal}")]
    public static partial void ClientConnected(this ILogger logger, string clientId, string principal);

    [LoggerMessage(503, LogLevel.Information, "{ClientId} disconnected: {Reason} ({Detail})")]
    public static partial void ClientDisconnected(this ILogger logger, string clientId, string reason, string detail);

    [LoggerMessage(504, LogLevel.Information, "Connection of {ClientId} from {Remote} refused: {Reason}")]
    public static partial void ConnectionRefused(this ILogger logger, string clientId, EndPoint? remote, string reason);

    [LoggerMessage(505, LogLevel.Debug, "Connection from {Remote} ended before it was one: {Reason}")]
    public static partial void NotMqtt(this ILogger logger, EndPoint? remote, string reason);

    [LoggerMessage(506, LogLevel.Warning, "Accepting connections failed; going on")]
    public static partial void AcceptFailed(this ILogger logger, Exception exception);

    [LoggerMessage(507, LogLevel.Error, "A watcher of {Topic} failed")]
    public static partial void WatcherFailed(this ILogger logger, Exception exception, string topic);

    [LoggerMessage(600, LogLevel.Information, "Job {JobId}, {Thing}: {Status}")]
    public static partial void JobExecutionChanged(this ILogger logger, string jobId, string thing, string status);

    [LoggerMessage(601, LogLevel.Error, "Answering a jobs message on {Topic} failed")]
    public static partial void JobsMessageFailed(this ILogger logger, Exception exception, string topic);

    [LoggerMessage(700, LogLevel.Error, "Answering a shadow message on {Topic} failed")]
    public static partial void ShadowMessageFailed(this ILogger logger, Exception exception, string topic);
}
