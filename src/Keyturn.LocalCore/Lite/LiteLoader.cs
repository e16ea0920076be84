using System.Diagnostics;
using System.Runtime.InteropServices;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Core;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Lite;

/// <summary>
/// Stands for systemd where there is none: starts lite's daemons and the components, starts a daemon again whenever it ends, and a component when it fails,
/// three times an hour at most. Which unit runs as which process is written below the root.
/// </summary>
internal sealed class LiteLoader(string root, TimeProvider time)
{
    private static readonly string[] Daemons = ["iotcored", "ggipcd", "gg-fleet-statusd"];
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(100), StartLimitInterval = TimeSpan.FromHours(1), StopGrace = TimeSpan.FromSeconds(2);

    /// <summary>Of a component, within the interval.</summary>
    private const int StartLimit = 3;

    public async Task<int> RunAsync(string? component)
    {
        Posix.BecomeSubreaper();
        using var stopping = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var log = new LogFile(Path.Combine(root, "logs", "systemd.log"), "systemd", time);
        var units = Daemons.Select(daemon => KeepAsync($"ggl.core.{daemon}.service", ["lite", daemon, "--root", root, "--supervised"], log, stopping.Token)).ToList();
        await UntilListeningAsync(stopping.Token).ConfigureAwait(false);
        if (component is not null)
            units.Add(RunComponentAsync(component, log, stopping.Token));
        await Console.Out.WriteLineAsync("ready").ConfigureAwait(false);
        await Task.WhenAll(units).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return 0;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    private async Task KeepAsync(string unit, string[] arguments, LogFile log, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var exit = await RunUnitAsync(unit, arguments, log, log, stopping).ConfigureAwait(false);
            log.UnitExited(unit, exit, "Restart=always");
            await Task.Delay(RestartPause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunComponentAsync(string component, LogFile log, CancellationToken stopping)
    {
        var unit = LiteClients.UnitOf(component);
        using var output = new LogFile(Path.Combine(root, "logs", component + ".log"), component, time);
        List<long> starts = [];
        while (!stopping.IsCancellationRequested)
        {
            starts.RemoveAll(at => time.GetElapsedTime(at) > StartLimitInterval);
            if (starts.Count == StartLimit)
            {
                log.UnitExited(unit, 0, "Start request repeated too quickly");
                return;
            }
            starts.Add(time.GetTimestamp());
            var exit = await RunUnitAsync(unit, ["lite", "recipe-runner", "--root", root, "--component", component], log, output, stopping).ConfigureAwait(false);
            log.UnitExited(unit, exit, exit == 0 ? "Finished" : "Restart=on-failure");
            if (exit == 0)
                return;
            await Task.Delay(RestartPause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<int> RunUnitAsync(string unit, string[] arguments, LogFile log, ILogger output, CancellationToken stopping)
    {
        var host = Environment.ProcessPath!;
        var start = new ProcessStartInfo(host) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            start.ArgumentList.Add(typeof(LiteLoader).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var invocation = Guid.NewGuid().ToString("N");
        Units.Write(root, unit, process.Id, invocation);
        log.UnitStarted(unit, process.Id, invocation);
        var copying = Task.WhenAll(CopyAsync(process.StandardOutput, output.ComponentStdout), CopyAsync(process.StandardError, output.ComponentStderr));
        await process.WaitForExitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!process.HasExited)
        {
            foreach (var id in (int[])[process.Id, .. ProcessTree.DescendantsOf(process.Id)])
                Posix.Signal(id, Posix.SigTerm);
            using var grace = new CancellationTokenSource(StopGrace, time);
            await process.WaitForExitAsync(grace.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }
        await copying.WaitAsync(TimeSpan.FromMilliseconds(200), time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return process.ExitCode;
    }

    private async Task UntilListeningAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested && !File.Exists(Path.Combine(root, LiteClients.SocketName)))
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task CopyAsync(StreamReader reader, Action<string> write)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            write(line);
    }
}
