using System.Diagnostics;
using System.Globalization;

namespace Keyturn.LocalCore.Tokens;

/// <summary>
/// A TPM 2.0 by swtpm, which serves a single client. The nucleus and its component are two, so tpm2-abrmd stands before it, on a bus of the core's own.
/// </summary>
internal sealed class TpmSimulator : IDisposable
{
    private const int MaxSocketPathBytes = 107;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly List<Process> processes = [];
    private readonly TokenDirectory directory;

    private TpmSimulator(TokenDirectory directory) => this.directory = directory;

    public static string BusAddress(TokenDirectory directory) => "unix:path=" + directory.In("bus");

    public static async Task<TpmSimulator> StartAsync(TokenDirectory directory, TimeProvider time, CancellationToken cancellation)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(directory.In("bus")) > MaxSocketPathBytes)
            throw new TokenException($"{directory.In("bus")} is too long for a socket's name; choose a shorter --root");
        var simulator = new TpmSimulator(directory);
        try
        {
            File.Delete(directory.In("bus"));
            var port = await simulator.StartTpmAsync(time, cancellation).ConfigureAwait(false);
            simulator.Start("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + BusAddress(directory));
            await UntilAsync(() => File.Exists(directory.In("bus")), "dbus-daemon", time, cancellation).ConfigureAwait(false);
            simulator.Start("tpm2-abrmd", "--session", "--allow-root", "--tcti", string.Create(CultureInfo.InvariantCulture, $"swtpm:host=127.0.0.1,port={port}"));
            await UntilAsync(Answers, "tpm2-abrmd", time, cancellation).ConfigureAwait(false);
            return simulator;
        }
        catch
        {
            simulator.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var process in processes.AsEnumerable().Reverse())
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }
        processes.Clear();
    }

    /// <summary>Its two ports are neighbours.</summary>
    private async Task<int> StartTpmAsync(TimeProvider time, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < 20; attempt++)
        {
            // Below the ports that outgoing connections take: a closed one keeps its port for a minute, and neighbours are seldom both free there.
            var port = 20_000 + (((System.Environment.ProcessId * 7) + (attempt * 2)) % 12_000);
            var process = Start(
                "swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + directory.In("tpm"), "--flags", "not-need-init,startup-clear",
                "--server", string.Create(CultureInfo.InvariantCulture, $"type=tcp,port={port},bindaddr=127.0.0.1"),
                "--ctrl", string.Create(CultureInfo.InvariantCulture, $"type=tcp,port={port + 1},bindaddr=127.0.0.1"));
            await Task.Delay(Pause * 4, time, cancellation).ConfigureAwait(false);
            if (!process.HasExited)
                return port;
        }
        throw new TokenException("swtpm found no two free ports next to each other");
    }

    private Process Start(string program, params string[] arguments)
    {
        var process = OtherProgram.StartTied(program, arguments);
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        processes.Add(process);
        return process;
    }

    private static bool Answers()
    {
        try
        {
            OtherProgram.Run("tpm2", "getrandom", "4", "--hex");
            return true;
        }
        catch (TokenException)
        {
            return false;
        }
    }

    private static async Task UntilAsync(Func<bool> condition, string what, TimeProvider time, CancellationToken cancellation)
    {
        for (var attempt = 0; !condition(); attempt++)
        {
            if (attempt == 100)
                throw new TokenException($"{what} did not start");
            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
        }
    }
}
