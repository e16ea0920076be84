using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Core;

/// <summary>
/// A log file in classic's line format: <c>2026-01-31T12:00:00.000Z [INFO] (source) what happened</c>.
/// </summary>
internal sealed class LogFile : ILogger, IDisposable
{
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly string source;
    private readonly StreamWriter writer;

    public LogFile(string path, string source, TimeProvider time)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        (this.time, this.source) = (time, source);
        writer = new(path, append: true) { AutoFlush = true };
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var at = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var level = logLevel switch
        {
            LogLevel.Critical or LogLevel.Error => "ERROR",
            LogLevel.Warning => "WARN",
            LogLevel.Information => "INFO",
            _ => "DEBUG",
        };
        lock (gate)
        {
            if (writer.BaseStream is not { CanWrite: true })
                return;
            writer.WriteLine($"{at} [{level}] ({source}) {formatter(state, exception)}");
            if (exception is not null)
                writer.WriteLine(exception);
        }
    }

    public void Dispose()
    {
        lock (gate)
            writer.Dispose();
    }
}
