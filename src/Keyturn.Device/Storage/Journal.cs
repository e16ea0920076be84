using System.Globalization;
using System.Text;
using System.Text.Json;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Storage;

/// <summary>The journal can't be trusted. Nothing may be changed on the device until a person has looked.</summary>
internal sealed class JournalUnreadableException(string message) : Exception(message);

/// <summary>Another process of ours has moved the rotation on since we last looked.</summary>
internal sealed class JournalMovedException() : Exception("Another process has moved the rotation on; its journal entry counts.");

/// <summary>
/// The rotation's state on disk: <c>keyturn-journal 1 SHA256</c>, a line feed, and one entry as JSON. Each entry replaces the one before in a
/// rename, after its content is on the disk and before the directory is.
/// </summary>
internal sealed class Journal(IFileSystem files, string directory, string bootId, TimeProvider time)
{
    private const string Magic = "keyturn-journal";
    private const string Format = "1";
    private const int Longest = 64 * 1024;

    private string FilePath => Path.Combine(directory, "journal");

    /// <summary>Held by whoever changes anything: the component, the recovery at start-up, a technician's command.</summary>
    public IDisposable Enter() => files.Lock(Path.Combine(directory, "lock"));

    /// <summary>Nothing when another process is changing something just now.</summary>
    public IDisposable? TryEnter() => files.TryLock(Path.Combine(directory, "lock"));

    /// <summary>What is on the disk, made sure of: a process that was killed may have left it in the kernel's memory only, and effects are to follow from it.</summary>
    public JournalEntry Load()
    {
        var entry = Read();
        files.SyncDirectory(directory);
        return entry;
    }

    private JournalEntry Read()
    {
        if (files.Status(FilePath) is null)
            return new JournalEntry(0, bootId, Uptime, new RotationState.Idle());
        var content = files.Read(FilePath, Longest);
        var end = Array.IndexOf(content, (byte)'\n');
        var header = Encoding.ASCII.GetString(content, 0, Math.Max(end, 0)).Split(' ');
        if (header is not [Magic, var format, var checksum])
            throw Unreadable("it does not start as a journal does");
        if (format != Format)
            throw Unreadable($"it has format {format} and this version writes format {Format}; a newer version of the component wrote it");
        var body = content.AsSpan(end + 1);
        if (checksum != Sha256.HexOf(body))
            throw Unreadable("its checksum does not match: it is damaged");
        try
        {
            return JsonSerializer.Deserialize(body, JournalJson.Default.JournalEntry) ?? throw Unreadable("it is empty");
        }
        catch (JsonException e)
        {
            throw Unreadable($"it is whole but not understood ({e.Message}); another version of the component wrote it");
        }
    }

    /// <summary>Durable when it returns. The caller holds the lock.</summary>
    public JournalEntry Append(JournalEntry last, RotationState state)
    {
        Confirm(last);
        var entry = new JournalEntry(last.Sequence + 1, bootId, Uptime, state);
        var body = JsonSerializer.SerializeToUtf8Bytes(entry, JournalJson.Default.JournalEntry);
        var header = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"{Magic} {Format} {Sha256.HexOf(body)}\n"));
        if (header.Length + body.Length > Longest)
            throw new FileSystemException("write", FilePath, 27, $"{header.Length + body.Length} bytes, more than the {Longest} that are read again");
        var next = FilePath + ".next";
        if (files.Status(next) is not null)
            files.Unlink(next);
        files.Create(next, [.. header, .. body]);
        files.SyncFile(next);
        files.Rename(next, FilePath);
        files.SyncDirectory(directory);
        return entry;
    }

    /// <summary>Throws when the entry on disk is another one than we know. The caller holds the lock.</summary>
    public void Confirm(JournalEntry known)
    {
        if (Read().Sequence != known.Sequence)
            throw new JournalMovedException();
    }

    /// <summary>How long ago it was written, at least: of a boot before this one only this one's time counts. No clock is asked that can be set.</summary>
    public TimeSpan AgeOf(JournalEntry entry) => TimeSpan.FromMilliseconds(entry.BootId == bootId ? Uptime - entry.Uptime : Uptime);

    private long Uptime => (long)time.GetElapsedTime(0).TotalMilliseconds;

    private JournalUnreadableException Unreadable(string why) => new(
        $"The journal {FilePath} can't be used: {why}. Nothing was changed, and the credential in use stays as it is. " +
        "Keep a copy of the file for the supplier; remove it only when both the nucleus and the AWS console agree on the certificate in use.");
}
