using Keyturn.Device.Greengrass;

namespace Keyturn.Device.Windows;

/// <summary>Nucleus classic on Windows: the service wrapper that it brings along restarts itself, from a process group of its own, which outlives ours.</summary>
/// <param name="session">As on Linux: another one for each start of the nucleus.</param>
/// <param name="run">Runs a program, and returns the reason if that failed.</param>
internal sealed class WindowsNucleus(
    string root, string session, Func<CancellationToken, Task> noDeployment, Func<string, string[], CancellationToken, Task<string?>> run) : INucleus
{
    public string Session => session;

    public static string WrapperIn(string root) => Path.Combine(root, "alts", "current", "distro", "bin", "greengrass.exe");

    public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => noDeployment(cancellation);

    public async Task<string?> RestartAsync(CancellationToken cancellation)
    {
        // Also where the machine does not ask first: when it goes back, and when the nucleus has to be restarted once more.
        await noDeployment(cancellation).ConfigureAwait(false);
        return await run(WrapperIn(root), ["restart!"], cancellation).ConfigureAwait(false) is { } reason
            ? $"{reason}; does the component run with RequiresPrivilege? Restart the service greengrass by hand"
            : null;
    }
}
