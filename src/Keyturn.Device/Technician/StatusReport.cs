using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Technician;

/// <summary>What <c>status</c> tells. The names are those of its JSON.</summary>
/// <param name="Thing">Nothing when the nucleus's files don't name it.</param>
internal sealed record StatusReport(
    string? Thing, string Root, StatusReport.JournalPart Journal, StatusReport.CredentialPart Credential, StatusReport.PathsPart Paths, StatusReport.RecoveryPart Recovery)
{
    /// <param name="Outcome">How the last rotation ended, or why this one is being given up.</param>
    internal sealed record JournalPart(
        string State, long Sequence, string? JobId, long? ExecutionNumber, string? RotationId, string? Old, string? New, string? Outcome);

    /// <param name="Name">In the store; nothing before the first rotation, or when somebody has replaced the nucleus's files since.</param>
    internal sealed record CredentialPart(
        string Store, string? Name, string? CertificateId, string? KeyAlgorithm, DateTimeOffset? NotAfter, bool IsComplete, string? Problem);

    internal sealed record PathsPart(string Key, string Certificate, string Directory);

    internal sealed record RecoveryPart(string[] OnThisDisk, string[] ByTheComponent);

    public static StatusReport Of(CoreOnDisk core, JournalEntry entry)
    {
        var recovery = new LocalRecovery(entry.State);
        return new(
            core.System.ThingName, core.Root, Journalled(entry), Live(core.Store),
            new(core.System.PrivateKeyPath, core.System.CertificateFilePath, core.Directory),
            new([.. recovery.OnThisDisk], [.. recovery.ByTheComponent]));
    }

    public string ToJson() => JsonSerializer.Serialize(this, new StatusJson(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        // Sentences with apostrophes, for people's eyes.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }).StatusReport);

    public string ToText()
    {
        var lines = new List<(string Label, string Text)>
        {
            ("thing", Thing ?? "not named in the nucleus's files"),
            ("root", Root),
            ("journal", string.Create(CultureInfo.InvariantCulture, $"{Journal.State}, entry {Journal.Sequence}")),
        };
        if (Journal.JobId is not null)
            lines.Add(("rotation", string.Create(CultureInfo.InvariantCulture, $"job {Journal.JobId}, execution {Journal.ExecutionNumber}: from {Journal.Old} to {Journal.New}")));
        if (Journal.Outcome is not null)
            lines.Add(("outcome", Journal.Outcome));
        lines.Add(("credential", Credential.CertificateId is null
            ? "none that can be read"
            : string.Create(CultureInfo.InvariantCulture, $"{Credential.Name ?? "not in the store yet"}: certificate {Credential.CertificateId} ({Credential.KeyAlgorithm}), valid until {Credential.NotAfter:u}")));
        lines.Add(("", Credential.Problem ?? "the key is there and is the certificate's"));
        lines.Add(("key", Paths.Key));
        lines.Add(("certificate", Paths.Certificate));
        lines.AddRange(Steps("recover would", Recovery.OnThisDisk, "find nothing to do on this disk"));
        lines.AddRange(Steps("component would", Recovery.ByTheComponent, "wait"));
        return string.Join('\n', lines.Select(l => $"{l.Label,-16} {l.Text}"));
    }

    private static IEnumerable<(string, string)> Steps(string label, string[] steps, string none) =>
        (steps.Length == 0 ? [none] : steps).Select((text, i) => (i == 0 ? label : "", text));

    private static JournalPart Journalled(JournalEntry entry)
    {
        var rotation = entry.State.Current;
        var state = entry.State is RotationState.Aborting aborting ? $"Aborting ({aborting.Stage})" : entry.State.GetType().Name;
        var outcome = entry.State switch
        {
            RotationState.Idle s => s.LastOutcome,
            RotationState.Aborting s => s.Reason,
            _ => null,
        };
        return new(state, entry.Sequence, rotation?.JobId, rotation?.ExecutionNumber, rotation?.RotationId, rotation?.Old, rotation?.New, outcome);
    }

    private static CredentialPart Live(ICredentialStore store)
    {
        CertificateInfo? certificate = null;
        string? name = null;
        try
        {
            name = store.InUse;
            certificate = store.Inspect();
            store.CheckInUse();
            return new(store.Kind, name, certificate.CertificateId, certificate.KeyAlgorithm, certificate.NotAfter, IsComplete: true, null);
        }
        catch (Exception e) when (e is CredentialException or IOException)
        {
            return new(store.Kind, name, certificate?.CertificateId, certificate?.KeyAlgorithm, certificate?.NotAfter, IsComplete: false, e.Message);
        }
    }
}

[JsonSerializable(typeof(StatusReport))]
internal sealed partial class StatusJson : JsonSerializerContext;
