namespace Keyturn.Device.Storage;

internal enum FileKind
{
    Regular,
    Directory,
    SymbolicLink,
    Other,
}

/// <summary>What lstat says.</summary>
/// <param name="Mode">The twelve permission bits.</param>
/// <param name="ModifiedMilliseconds">Since 1970.</param>
internal readonly record struct FileStatus(FileKind Kind, uint Mode, uint Owner, uint Group, long Size, long ModifiedMilliseconds = 0);

/// <summary>
/// Every operation of ours on a disk, each as small as the kernel makes it, so that a simulated disk can lose or tear any one of them.
/// No path is followed through a symbolic link in its last part, save by <see cref="Resolve"/>. Failures are <see cref="FileSystemException"/>.
/// </summary>
internal interface IFileSystem
{
    /// <summary>The user that this process acts as.</summary>
    uint User { get; }

    /// <summary>Nothing when there is no such file. A link is described itself, not what it points to.</summary>
    FileStatus? Status(string path);

    string ReadLink(string path);

    /// <summary>The path with every link in it followed.</summary>
    string Resolve(string path);

    /// <summary>The content of a regular file. The caller clears it if it is secret.</summary>
    byte[] Read(string path, int longest);

    /// <summary>The file can be read by this user, and not just by us.</summary>
    bool IsReadableBy(string path, uint owner, uint group);

    /// <summary>Makes a new file, readable by its owner alone from the first moment, and writes it. It is not durable yet.</summary>
    void Create(string path, ReadOnlySpan<byte> content);

    /// <summary>As <see cref="Create"/>, with the content of another file, however large.</summary>
    void Copy(string from, string to);

    /// <summary>Gives a file that is there another content, in place: of a power cut before it is synced, any mixture of both may be left.</summary>
    void Overwrite(string path, ReadOnlySpan<byte> content);

    void SetOwner(string path, uint owner, uint group);

    void SetMode(string path, uint mode);

    /// <summary>Gives a file the security label of another one, and its access list, where the system has such.</summary>
    void CopyLabel(string from, string to);

    void SyncFile(string path);

    void SyncDirectory(string path);

    void MakeDirectory(string path, uint mode);

    void MakeLink(string path, string target);

    /// <summary>rename(2): atomic, replaces what is there, never copies.</summary>
    void Rename(string from, string to);

    void Unlink(string path);

    void RemoveDirectory(string path);

    string[] List(string directory);

    long FreeBytes(string path);

    /// <summary>Waits for the lock that this file stands for. The kernel frees it when the process dies.</summary>
    IDisposable Lock(string path);

    /// <summary>Nothing when another process holds it.</summary>
    IDisposable? TryLock(string path);
}

internal sealed class FileSystemException(string operation, string path, int error, string reason)
    : IOException($"{operation} {path}: {reason}")
{
    public const int NotPermitted = 1, NoEntry = 2, PermissionDenied = 13, Busy = 16, Exists = 17, OtherDevice = 18, Invalid = 22, NoSpace = 28, ReadOnly = 30,
        NoSuchCall = 38, TooManyLinks = 40, NotSupported = 95;

    public string Path { get; } = path;

    public int Error { get; } = error;

    /// <summary>It can't be done there, this way; a disk that is full or failing is another matter.</summary>
    public bool IsOfThePlace => Error is NotPermitted or PermissionDenied or Busy or OtherDevice or Invalid or ReadOnly or NoSuchCall or NotSupported;
}
