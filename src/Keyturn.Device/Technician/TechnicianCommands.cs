using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Technician;

/// <summary><c>status</c> and <c>recover</c>: for somebody who stands at the device, with Greengrass running or not.</summary>
internal sealed class TechnicianCommands(string root, IFileSystem files, TimeProvider time, TextWriter output)
{
    /// <returns>0 when the nucleus finds a complete credential, 1 when it does not.</returns>
    public async Task<int> StatusAsync(bool asJson, CancellationToken cancellation)
    {
        var core = Open();
        using var journal = await core.EnterAsync(cancellation).ConfigureAwait(false);
        var report = StatusReport.Of(core, journal.Entry);
        await output.WriteLineAsync(asJson ? report.ToJson() : report.ToText()).ConfigureAwait(false);
        return report.Credential.IsComplete ? 0 : 1;
    }

    public async Task<int> RecoverAsync(CancellationToken cancellation)
    {
        var core = Open();
        using var journal = await core.EnterAsync(cancellation).ConfigureAwait(false);
        var recovery = new LocalRecovery(journal.Entry.State);
        recovery.Run(core.Store);
        foreach (var done in recovery.OnThisDisk)
            await output.WriteLineAsync($"done: {done}").ConfigureAwait(false);
        core.Store.CheckInUse();
        var current = core.Store.Inspect();
        await output.WriteLineAsync($"complete: certificate {current.CertificateId} and its key are where the nucleus looks").ConfigureAwait(false);
        await output.WriteLineAsync(
            $"next: the journal says {StatusReport.Of(core, journal.Entry).Journal.State}; the component goes on from there when Greengrass runs it").ConfigureAwait(false);
        return 0;
    }

    private CoreOnDisk Open() => new(root, files, Component.BootId, time);
}
