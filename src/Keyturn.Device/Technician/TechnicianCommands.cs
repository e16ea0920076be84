using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Storage;
using Keyturn.Device.Systemd;

namespace Keyturn.Device.Technician;

/// <summary><c>status</c> and <c>recover</c>: for somebody who stands at the device, with Greengrass running or not; and <c>watchdog</c>, for a timer.</summary>
/// <param name="systemctl">Runs it, and returns the reason if that failed.</param>
/// <param name="lite">Where nucleus lite is configured.</param>
internal sealed class TechnicianCommands(
    string root, IFileSystem files, TimeProvider time, TextWriter output, Func<string[], CancellationToken, Task<string?>> systemctl, string lite = LiteSystem.Directory)
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

    public async Task<int> RecoverAsync(bool asJson, CancellationToken cancellation)
    {
        var core = Open();
        using var journal = await core.EnterAsync(cancellation).ConfigureAwait(false);
        var recovery = new LocalRecovery(journal.Entry.State);
        recovery.Run(core.Store);
        core.Store.CheckInUse();
        var report = new RecoveryReport([.. recovery.OnThisDisk], core.Store.Inspect().CertificateId, StatusReport.Of(core, journal.Entry).Journal.State);
        await output.WriteLineAsync(asJson ? report.ToJson() : report.ToText()).ConfigureAwait(false);
        return 0;
    }

    /// <returns>0, unless what has to be done can't be.</returns>
    public async Task<int> WatchdogAsync(CancellationToken cancellation)
    {
        var core = Open();
        using var journal = await core.EnterAsync(cancellation).ConfigureAwait(false);
        var (report, wentBack) = Watchdog.Look(core, journal);
        await output.WriteLineAsync(report).ConfigureAwait(false);
        if (wentBack && await systemctl(["restart", "--no-block", .. UnitsOf(core.System)], cancellation).ConfigureAwait(false) is { } reason)
            throw new CredentialException($"{reason}. The old credential is in place; restart Greengrass by hand, so that it reads it");
        return 0;
    }

    private CoreOnDisk Open() => new(root, files, Component.BootId, time, lite);

    private static string[] UnitsOf(SystemConfiguration system) => system.IsLite ? [NucleusLite.MqttDaemon, NucleusLite.StatusDaemon] : [UnitFiles.Nucleus];
}

/// <summary>What <c>recover</c> did. The names are those of its JSON.</summary>
internal sealed record RecoveryReport(string[] Done, string CertificateId, string State)
{
    public string ToJson() => JsonSerializer.Serialize(this, new RecoveryJson(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }).RecoveryReport);

    public string ToText() => string.Join('\n', [
        .. Done.Select(done => $"done: {done}"),
        $"complete: certificate {CertificateId} and its key are where the nucleus looks",
        $"next: the journal says {State}; the component goes on from there when Greengrass runs it",
    ]);
}

[JsonSerializable(typeof(RecoveryReport))]
internal sealed partial class RecoveryJson : JsonSerializerContext;
