using System.Diagnostics;
using System.Globalization;

namespace Keyturn.Cli.Demo;

/// <summary>A stand-in that runs beside us until it is disposed: asked to end, and after a moment made to.</summary>
internal sealed class ToolProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly StreamWriter log;
    private readonly Lock writing = new();
    private readonly TaskCompletionSource<IReadOnlyList<string>> ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> announced = [];
    private readonly TimeProvider time;

    private ToolProcess(Process process, string name, string logFile, TimeProvider time)
    {
        (this.process, Name, LogFile, this.time) = (process, name, logFile, time);
        log = new StreamWriter(logFile) { AutoFlush = true };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
    }

    public string Name { get; }

    public string LogFile { get; }

    public static ToolProcess Start(string name, string logFile, TimeProvider time, string executable, params IEnumerable<string> arguments)
    {
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(executable, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        var tool = new ToolProcess(process, name, logFile, time);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return tool;
    }

    /// <summary>The lines it printed before the line <c>ready</c>.</summary>
    public async Task<IReadOnlyList<string>> ReadyAsync(TimeSpan patience, CancellationToken cancellation)
    {
        var exit = process.WaitForExitAsync(cancellation);
        var first = await Task.WhenAny(ready.Task, exit, Task.Delay(patience, time, cancellation));
        cancellation.ThrowIfCancellationRequested();
        if (first == ready.Task)
            return await ready.Task;
        throw Failed(first == exit ? $"ended with status {process.ExitCode} before it was ready" : $"was not ready after {patience.TotalSeconds:0} s");
    }

    /// <summary>For a tool that does one thing and ends.</summary>
    public async Task CompletedAsync(CancellationToken cancellation)
    {
        await process.WaitForExitAsync(cancellation);
        if (process.ExitCode != 0)
            throw Failed($"ended with status {process.ExitCode.ToString(CultureInfo.InvariantCulture)}");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await process.EndAsync(time);
        }
        finally
        {
            process.Dispose();
            lock (writing)
                log.Dispose();
        }
    }

    private DemoFailedException Failed(string what) => new($"{Name} {what}. {LastWords()}");

    private string LastWords()
    {
        lock (writing)
            log.Flush();
        var lines = File.ReadLines(LogFile).TakeLast(5).ToList();
        return lines.Count == 0 ? "It said nothing." : $"Its last words:\n  {string.Join("\n  ", lines)}";
    }

    private void Hear(string? line)
    {
        Write(line);
        if (line == "ready")
            ready.TrySetResult(announced);
        else if (line is not null && !ready.Task.IsCompleted)
            announced.Add(line);
    }

    private void Write(string? line)
    {
        if (line is null)
            return;
        lock (writing)
        {
            if (log.BaseStream is not null)
                log.WriteLine(line);
        }
    }
}

/// <summary>The demo could not go on, for a reason that is not the user's.</summary>
internal sealed class DemoFailedException(string message) : Exception(message);
