using System.Diagnostics;
using System.Runtime.InteropServices;
using Keyturn.LocalCore.Components;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Core;

/// <summary>
/// Keeps a nucleus running, as classic's loader does. Exit codes 0 and 100, and an end by SIGTERM, mean start again; 101
/// (reboot) ends it; any other is tried three times in a row.
/// </summary>
/// <remarks>
/// Classic's shell script counts an end by SIGTERM among the three tries and leaves the rest to the service manager that
/// runs it. Here the loader stands for both, so such an end is not counted.
/// </remarks>
internal sealed class Loader(string root, ILogger log, TimeProvider time)
{
    private const int MaxFailures = 3;
    private const int RebootExitCode = 101;

    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan Healthy = TimeSpan.FromSeconds(30);

    private int _nucleusId;

    public async Task<int> RunAsync()
    {
        Posix.BecomeSubreaper();
        using var stopping = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }

        try
        {
            return await KeepRunningAsync(stopping.Token).ConfigureAwait(false);
        }
        finally
        {
            await EndDescendantsAsync().ConfigureAwait(false);
        }
    }

    private async Task<int> KeepRunningAsync(CancellationToken stopping)
    {
        var failures = 0;
        while (true)
        {
            var startedAt = time.GetTimestamp();
            using var nucleus = Launch();
            _nucleusId = nucleus.Id;
            log.LoaderStarted(nucleus.Id);
            await nucleus.WaitForExitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                await EndAsync(nucleus).ConfigureAwait(false);
                return 0;
            }
            var exit = nucleus.ExitCode;
            if (exit is 0 or 100 or Nucleus.TerminatedExitCode)
            {
                log.LoaderSawExit(exit, "Restarting");
                failures = 0;
                continue;
            }
            failures = time.GetElapsedTime(startedAt) > Healthy ? 1 : failures + 1;
            if (exit == RebootExitCode || failures == MaxFailures)
            {
                log.LoaderSawExit(exit, "Giving up");
                await Console.Error.WriteLineAsync(exit == RebootExitCode
                    ? "local-core: the nucleus asked for a reboot; this core ends here, start it again"
                    : $"local-core: the nucleus exited with {exit} {MaxFailures} times in a row; see {Path.Combine(root, "logs", "greengrass.log")}").ConfigureAwait(false);
                return exit;
            }
            log.LoaderSawExit(exit, $"Retrying, {failures} of {MaxFailures}");
        }
    }

    private Process Launch()
    {
        var host = Environment.ProcessPath!;
        var start = new ProcessStartInfo(host) { RedirectStandardInput = true };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            start.ArgumentList.Add(typeof(Loader).Assembly.Location);
        foreach (var argument in new[] { "nucleus", "--root", root })
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private async Task EndAsync(Process nucleus)
    {
        // Its input ends: the nucleus hurries.
        nucleus.StandardInput.Close();
        using var grace = new CancellationTokenSource(StopGrace, time);
        await nucleus.WaitForExitAsync(grace.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task EndDescendantsAsync()
    {
        // A process that is killed hands its children to this one, so look again until there is none.
        for (var round = 0; round < 10 && ProcessTree.DescendantsOf(Environment.ProcessId) is { Count: > 0 } left; round++)
        {
            foreach (var id in left)
                Posix.Signal(id, Posix.SigKill);
            await Task.Delay(TimeSpan.FromMilliseconds(10), time).ConfigureAwait(false);
            // .NET reaps what Process started, and ends this process when somebody else was quicker.
            foreach (var id in left.Where(id => id != _nucleusId))
                Posix.Reap(id);
        }
    }
}
