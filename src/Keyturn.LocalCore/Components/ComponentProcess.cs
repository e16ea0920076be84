using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Components;

/// <summary>One script of a component under <c>sh -c</c>, its output going to the component's log.</summary>
internal sealed class ComponentProcess
{
    private readonly Process process;
    private readonly Task copying;

    private ComponentProcess(Process process, Task copying) => (this.process, this.copying) = (process, copying);

    public int Id => process.Id;

    public static ComponentProcess Start(string script, string workDirectory, IReadOnlyDictionary<string, string> environment, ILogger output)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            ArgumentList = { "-c", script },
            WorkingDirectory = workDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        var copying = Task.WhenAll(
            CopyAsync(process.StandardOutput, output.ComponentStdout),
            CopyAsync(process.StandardError, output.ComponentStderr));
        return new(process, copying);
    }

    public async Task<int> WaitAsync(TimeProvider time, CancellationToken cancellation)
    {
        await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        // A child of the script may hold the pipes open for ever.
        await copying.WaitAsync(TimeSpan.FromMilliseconds(200), time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return process.ExitCode;
    }

    /// <summary>SIGTERM to the script and all it started, then SIGKILL to what is left after the grace.</summary>
    public async Task StopAsync(TimeSpan grace, TimeProvider time)
    {
        int[] tree = [.. ProcessTree.DescendantsOf(process.Id), process.Id];
        foreach (var id in tree)
            Posix.Signal(id, Posix.SigTerm);
        var deadline = time.GetTimestamp();
        while (tree.Any(ProcessTree.IsAlive) && time.GetElapsedTime(deadline) < grace)
            await Task.Delay(TimeSpan.FromMilliseconds(20), time).ConfigureAwait(false);
        foreach (var id in tree.Concat(ProcessTree.DescendantsOf(process.Id)).Distinct().Where(ProcessTree.IsAlive))
            Posix.Signal(id, Posix.SigKill);
        // Its last words are on their way to the log.
        await copying.WaitAsync(TimeSpan.FromMilliseconds(200), time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task CopyAsync(StreamReader reader, Action<string> write)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            write(line);
    }
}
