using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Keyturn.Lambda;

/// <summary>One JSON object a line, with each of the message's names as a member, so that a query finds a thing's or a job's lines.</summary>
internal sealed class JsonLog(Stream output, TimeProvider clock) : ILogger
{
    private readonly Lock _lock = new();
    private string? _requestId;
    private string? _traceId;

    public void Begin(string requestId, string? traceId) => (_requestId, _traceId) = (requestId, traceId);

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("time", clock.GetUtcNow());
            json.WriteString("level", Name(logLevel));
            json.WriteNumber("eventId", eventId.Id);
            json.WriteString("event", eventId.Name);
            json.WriteString("message", formatter(state, exception));
            Write(json, "requestId", _requestId);
            Write(json, "traceId", _traceId);
            if (state is IReadOnlyList<KeyValuePair<string, object?>> members)
            {
                foreach (var (name, value) in members.Where(m => m.Key != "{OriginalFormat}"))
                {
                    Write(json, name, value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : value?.ToString());
                }

                Metrics.Write(json, eventId.Name, members, clock.GetUtcNow());
            }

            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        lock (_lock)
        {
            output.Write(line.GetBuffer(), 0, (int)line.Length);
            output.Flush();
        }
    }

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Information => "INFO",
        LogLevel.Warning => "WARN",
        LogLevel.Error => "ERROR",
        _ => "FATAL",
    };
}
