using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Keyturn.Device.Storage;
using Keyturn.Device.Systemd;

namespace Keyturn.Device.Greengrass;

/// <summary>Nucleus classic on Linux: it reads its credential when it starts, and only then.</summary>
/// <param name="token">SVCUID, another one for each start of the nucleus.</param>
/// <param name="process">The process behind our IPC connection, by the kernel's word.</param>
/// <param name="noDeployment">Completes when no deployment is under way.</param>
internal sealed class Nucleus(string token, Func<int?> process, Func<CancellationToken, Task> noDeployment, RunSystemctl systemctl) : INucleus
{
    private const string Unit = "greengrass.service";
    private const int Terminate = 15;

    public string Session { get; } = SessionOf(token);

    /// <summary>The token opens the IPC socket: only its hash is written down.</summary>
    public static string SessionOf(string token) => Sha256.HexOf(Encoding.UTF8.GetBytes(token))[..32];

    public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => noDeployment(cancellation);

    /// <summary>Another process of ours started this long after the nucleus was put there by something else than its start.</summary>
    private static readonly TimeSpan StartTogether = TimeSpan.FromSeconds(20);

    /// <summary>Whether this process is a good deal younger than the nucleus: by a deployment, or after a failure.</summary>
    public static bool IsOlderThanThisProcess(int? nucleus)
    {
        if (nucleus is not { } id)
            return false;
        try
        {
            using var theirs = Process.GetProcessById(id);
            using var ours = Process.GetCurrentProcess();
            return ours.StartTime - theirs.StartTime > StartTogether;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return false;
        }
    }

    public async Task<string?> RestartAsync(CancellationToken cancellation)
    {
        // Also where the machine does not ask first: when it goes back, and when the nucleus has to be restarted once more.
        await noDeployment(cancellation).ConfigureAwait(false);
        if (process() is not { } id || id <= 1 || id == Environment.ProcessId)
            return "the nucleus's process could not be found from its IPC socket; restart Greengrass by hand";
        if (BelongsToUnit(id))
            // systemd does the work: it does not matter that this process ends with the unit.
            return (await systemctl(["restart", "--no-block", Unit], cancellation).ConfigureAwait(false)).Problem;
        return Posix.Kill(id, Terminate) == 0
            ? null
            : $"the nucleus (process {id}) could not be told to end: error {Marshal.GetLastPInvokeError()}; does the component run with RequiresPrivilege? Restart Greengrass by hand";
    }

    private static bool BelongsToUnit(int id)
    {
        try
        {
            return File.ReadLines($"/proc/{id}/cgroup").Any(line => line.Split('/').Contains(Unit));
        }
        catch (IOException)
        {
            return false;
        }
    }
}
