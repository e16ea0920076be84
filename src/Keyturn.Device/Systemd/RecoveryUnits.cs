using System.Diagnostics.CodeAnalysis;
using System.Text;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Systemd;

/// <summary>
/// Puts the units of <see cref="UnitFiles"/> in place before the first switch of a rotation and takes them away after it. They run a copy of this
/// executable that is our own: a deployment may remove the component's at any time.
/// </summary>
/// <param name="executable">What to copy.</param>
/// <param name="systemctl">Runs it, and returns the reason if that failed.</param>
/// <param name="system">Where the root of the file system is; another place in tests.</param>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no wait handle, and a removal may still run when nobody needs this any more.")]
internal sealed class RecoveryUnits(
    string root, IFileSystem files, string executable, Func<string[], CancellationToken, Task<string?>> systemctl, ILogger log, string system = "/") : IRecoveryUnits
{
    private readonly StateDirectories _directories = new(root);

    /// <summary>A removal that systemd is slow at must not take away what the next rotation installs meanwhile.</summary>
    private readonly SemaphoreSlim _turn = new(1);

    private string Units => Path.Combine(system, "etc/systemd/system");

    private string Copy => Path.Combine(_directories.Executables, "certificate-rotator");

    public Task InstallAsync(CancellationToken cancellation) => InTurnAsync(InstallNowAsync, cancellation);

    public Task RemoveAsync(CancellationToken cancellation) => InTurnAsync(RemoveNowAsync, cancellation);

    private async Task InTurnAsync(Func<CancellationToken, Task> work, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await work(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task InstallNowAsync(CancellationToken cancellation)
    {
        string? reason;
        try
        {
            if (WhyNot() is { } obstacle)
            {
                Log.UnitsNotInstalled(log, obstacle);
                return;
            }
            GenerationDirectory.Ensure(files, _directories.Executables, isForUs: true);
            Place(Copy, next => files.Copy(executable, next), mode: 0x1C0);
            foreach (var (name, text) in UnitFiles.All(Copy, root, Path.Combine(_directories.Journal, "journal")))
                Place(Path.Combine(Units, name), next => files.Create(next, Encoding.ASCII.GetBytes(text)), mode: 0x1A4);
            reason = await RunAsync(cancellation, ["daemon-reload"], ["enable", UnitFiles.Recovery, UnitFiles.Timer], ["start", UnitFiles.Timer]).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or CredentialException)
        {
            reason = e.Message;
        }
        if (reason is null)
            Log.UnitsInstalled(log, UnitFiles.Recovery, UnitFiles.Timer);
        else
            Log.UnitsNotInstalled(log, reason);
    }

    private async Task RemoveNowAsync(CancellationToken cancellation)
    {
        string? reason;
        try
        {
            string[] names = [UnitFiles.Recovery, UnitFiles.Watchdog, UnitFiles.Timer];
            var there = names.Where(n => files.Status(Path.Combine(Units, n)) is not null).ToArray();
            if (there.Length == 0)
                return;
            reason = await RunAsync(cancellation, ["disable", UnitFiles.Recovery, UnitFiles.Timer], ["stop", UnitFiles.Timer]).ConfigureAwait(false);
            foreach (var name in there)
                files.Unlink(Path.Combine(Units, name));
            files.SyncDirectory(Units);
            if (files.Status(Copy) is not null)
                files.Unlink(Copy);
            reason = await RunAsync(cancellation, ["daemon-reload"]).ConfigureAwait(false) ?? reason;
        }
        catch (IOException e)
        {
            reason = e.Message;
        }
        if (reason is null)
            Log.UnitsRemoved(log, UnitFiles.Recovery, UnitFiles.Timer);
        else
            Log.UnitsNotRemoved(log, reason);
    }

    private string? WhyNot() =>
        files.Status(Path.Combine(system, "run/systemd/system")) is not { Kind: FileKind.Directory } ? "systemd does not run this machine"
        : files.User != 0 ? "this is not root; the recipe's RequiresPrivilege is needed for it"
        : !UnitFiles.CanName(root) ? $"the path {root} can't be written in a unit file without quoting"
        : null;

    /// <summary>Whole or not at all, whatever happens meanwhile.</summary>
    private void Place(string path, Action<string> make, uint mode)
    {
        var next = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.next");
        if (files.Status(next) is not null)
            files.Unlink(next);
        make(next);
        files.SetMode(next, mode);
        files.SyncFile(next);
        files.Rename(next, path);
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private async Task<string?> RunAsync(CancellationToken cancellation, params string[][] commands)
    {
        string? reason = null;
        foreach (var command in commands)
            reason = await systemctl(command, cancellation).ConfigureAwait(false) ?? reason;
        return reason;
    }
}
