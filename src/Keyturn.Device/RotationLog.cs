using System.Globalization;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device;

/// <summary>One line a message on standard output, which Greengrass keeps: time, level, event id, thing, job, rotation, text.</summary>
internal sealed class RotationLog(TextWriter output, TimeProvider time, string thing, LogLevel least = LogLevel.Information) : ILogger
{
    private string _job = "-", _rotation = "-";

    public void Follow(CurrentRotation? rotation) => (_job, _rotation) = (rotation?.JobId ?? "-", rotation?.RotationId ?? "-");

    public void Follow(JobExecution job) => (_job, _rotation) = (job.JobId, "-");

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        var text = formatter(state, exception).ReplaceLineEndings(" ");
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {Name(logLevel)} {eventId.Id} thing={thing} job={_job} rotation={_rotation} {text}");
        lock (output)
            output.WriteLine(line);
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "DEBUG",
        LogLevel.Information => "INFO",
        LogLevel.Warning => "WARN",
        _ => "ERROR",
    };
}
