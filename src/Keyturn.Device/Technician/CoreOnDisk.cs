using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Technician;

/// <summary>A core device as its disk tells it, without nucleus or cloud. Nothing is made that is not there.</summary>
internal sealed class CoreOnDisk
{
    private const int LockTries = 20;
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(100);

    private readonly StateDirectories _directories;
    private readonly TimeProvider _time;
    private readonly Journal? _journal;

    /// <param name="lite">Where nucleus lite is configured.</param>
    public CoreOnDisk(string root, IFileSystem files, string bootId, TimeProvider time, string lite = LiteSystem.Directory)
    {
        (Root, _time, _directories) = (root, time, new StateDirectories(root));
        _directories.CheckRoot(files);
        System = SystemConfiguration.Read(root, lite);
        Store = CredentialStores.Open(System, files, _directories, () => Pkcs11Log.Read(root));
        if (files.Status(_directories.Top) is not { } top)
            return;
        if (top.Owner != files.User)
            throw new CredentialException($"{_directories.Top} belongs to user {top.Owner} and this is user {files.User}. Nothing was changed. Run this as that user, with sudo for instance");
        _directories.Ensure(files);
        _journal = new Journal(files, _directories.Journal, bootId, time);
    }

    public string Root { get; }

    public SystemConfiguration System { get; }

    public string Directory => _directories.Top;

    public ICredentialStore Store { get; }

    /// <summary>What the journal says, under the one lock until the result is disposed of.</summary>
    /// <exception cref="CredentialException">Another process keeps the lock.</exception>
    public async Task<LockedJournal> EnterAsync(CancellationToken cancellation)
    {
        if (_journal is null)
            return new LockedJournal(null, new JournalEntry(0, "", 0, new Rotation.RotationState.Idle()), null);
        for (var tries = 1; ; tries++)
        {
            if (_journal.TryEnter() is { } held)
                return Load(_journal, held);
            if (tries == LockTries)
                throw new CredentialException($"another process of certificate-rotator is at work in {Directory}. Nothing was changed. Wait for it to end, or end it, then run this again");
            await Task.Delay(LockPause, _time, cancellation).ConfigureAwait(false);
        }
    }

    private static LockedJournal Load(Journal journal, IDisposable held)
    {
        try
        {
            return new LockedJournal(held, journal.Load(), journal);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }
}

/// <param name="Journal">Nothing before the component has run for the first time.</param>
internal sealed record LockedJournal(IDisposable? Held, JournalEntry Entry, Journal? Journal) : IDisposable
{
    public void Dispose() => Held?.Dispose();
}
