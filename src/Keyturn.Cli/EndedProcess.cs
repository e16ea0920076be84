using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Keyturn.Cli;

internal static class EndedProcess
{
    private const int SigTerm = 15;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    /// <summary>Asks it to end, and after a moment makes it, with all that it started.</summary>
    public static async Task EndAsync(this Process process, TimeProvider time)
    {
        if (process.HasExited)
            return;
        _ = Kill(process.Id, SigTerm);
        using var timeout = new CancellationTokenSource(Grace, time);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
