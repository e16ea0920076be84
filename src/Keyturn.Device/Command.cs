using System.ComponentModel;
using System.Diagnostics;

namespace Keyturn.Device;

/// <summary>A program of the system, run to its end.</summary>
internal static class Command
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <returns>The reason if it could not be done, and nothing otherwise.</returns>
    public static async Task<string?> RunAsync(TimeProvider time, string program, string[] arguments, CancellationToken cancellation) =>
        (await ReadAsync(time, program, arguments, cancellation).ConfigureAwait(false)).Problem;

    /// <returns>What it wrote, and the reason if it could not be done.</returns>
    public static async Task<(string Output, string? Problem)> ReadAsync(TimeProvider time, string program, string[] arguments, CancellationToken cancellation)
    {
        var command = $"{program} {string.Join(' ', arguments)}";
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            try
            {
                var said = process.StandardError.ReadToEndAsync(either.Token);
                var output = await process.StandardOutput.ReadToEndAsync(either.Token).ConfigureAwait(false);
                await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
                return (output, process.ExitCode == 0 ? null : $"{command} failed: {(await said.ConfigureAwait(false)).Trim().ReplaceLineEndings(" ")}");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                process.Kill();
                return ("", $"{command} did not end within {Patience.TotalSeconds:0} seconds");
            }
        }
        catch (Win32Exception e)
        {
            return ("", $"{command} could not be started: {e.Message}");
        }
    }
}
