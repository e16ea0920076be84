using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>One line an event, on stderr: <c>error: 03:14:15.926 Lambda: text</c>. A line break in a value can't forge a line.</summary>
internal sealed class ConsoleLog(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var level = logEntry.LogLevel switch
        {
            LogLevel.Critical or LogLevel.Error => "error",
            LogLevel.Warning => "warn",
            LogLevel.Information => "info",
            _ => "debug",
        };
        var category = logEntry.Category[(logEntry.Category.LastIndexOf('.') + 1)..];
        var text = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (logEntry.Exception is { } e)
            text += " | " + e;
        textWriter.WriteLine($"{level}: {time.GetUtcNow():HH:mm:ss.fff} {category}: {OneLine(text)}");
    }

    private static string OneLine(string text) =>
        string.Concat(text.ReplaceLineEndings(" ⏎ ").Select(c => char.IsControl(c) ? '\uFFFD' : c));
}
