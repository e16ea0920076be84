using System.Runtime.InteropServices;
using System.Text;

namespace Keyturn.Device.Storage;

/// <param name="labelAttribute">Where the security label of a file is kept.</param>
internal sealed class PosixFileSystem(string labelAttribute = "security.selinux") : IFileSystem
{
    private const int Interrupted = 4, WouldBlock = 11, NoAttribute = 61, NotSupported = 95;

    /// <summary>Whom a file is open to beside what its mode says.</summary>
    private const string AccessList = "system.posix_acl_access";

    public uint User { get; } = Posix.EffectiveUser();

    public unsafe FileStatus? Status(string path)
    {
        Posix.StatusBuffer buffer;
        if (Posix.Status(Posix.CurrentDirectory, path, Posix.SymlinkNoFollow, 0x7ff, &buffer) != 0)
            return Marshal.GetLastPInvokeError() is FileSystemException.NoEntry or 20 ? null : throw Failure("look at", path);
        var kind = (buffer.Mode & 0xF000) switch
        {
            0x8000 => FileKind.Regular,
            0x4000 => FileKind.Directory,
            0xA000 => FileKind.SymbolicLink,
            _ => FileKind.Other,
        };
        return new FileStatus(kind, buffer.Mode & 0xFFFu, buffer.Owner, buffer.Group, (long)buffer.Size, buffer.ModifiedSeconds * 1000 + buffer.ModifiedNanoseconds / 1_000_000);
    }

    public unsafe string ReadLink(string path)
    {
        var buffer = stackalloc byte[4096];
        var length = Posix.ReadLink(path, buffer, 4096);
        return length >= 0 ? Encoding.UTF8.GetString(buffer, (int)length) : throw Failure("read link", path);
    }

    public unsafe string Resolve(string path)
    {
        var buffer = stackalloc byte[4097];
        return Posix.RealPath(path, buffer) is not null ? Marshal.PtrToStringUTF8((nint)buffer)! : throw Failure("resolve", path);
    }

    public unsafe byte[] Read(string path, int longest)
    {
        using var file = OpenDescriptor("read", path, Posix.ReadOnly | Posix.NoFollow);
        if (Status(path) is not { Kind: FileKind.Regular } status)
            throw new FileSystemException("read", path, 22, "not a regular file");
        if (status.Size > longest)
            throw new FileSystemException("read", path, 27, $"{status.Size} bytes, more than the {longest} expected");
        // Pinned, so that the collector leaves no copy of a key behind.
        var content = GC.AllocateUninitializedArray<byte>((int)status.Size, pinned: true);
        var filled = 0;
        fixed (byte* start = content)
        {
            while (filled < content.Length)
            {
                var count = Posix.Read(file.Number, start + filled, content.Length - filled);
                if (count < 0 && Marshal.GetLastPInvokeError() == Interrupted)
                    continue;
                if (count < 0)
                    throw Failure("read", path);
                if (count == 0)
                    throw new FileSystemException("read", path, 5, "shorter than its size says");
                filled += (int)count;
            }
        }
        return content;
    }

    public bool IsReadableBy(string path, uint owner, uint group)
    {
        // The file system identity is the thread's own: nothing else of this process sees the change.
        _ = Posix.SetFileSystemGroup(group);
        _ = Posix.SetFileSystemUser(owner);
        try
        {
            var descriptor = Posix.Open(path, Posix.ReadOnly | Posix.NonBlocking | Posix.CloseOnExec, 0);
            if (descriptor >= 0)
                Posix.Close(descriptor);
            return descriptor >= 0;
        }
        finally
        {
            _ = Posix.SetFileSystemUser(Posix.EffectiveUser());
            _ = Posix.SetFileSystemGroup(Posix.EffectiveGroup());
        }
    }

    public unsafe void Create(string path, ReadOnlySpan<byte> content)
    {
        using var file = OpenDescriptor("create", path, Posix.WriteOnly | Posix.CreateFlag | Posix.Exclusive | Posix.NoFollow, mode: 0x180);
        fixed (byte* start = content)
            Write(file, path, start, content.Length);
    }

    public unsafe void Copy(string from, string to)
    {
        using var source = OpenDescriptor("read", from, Posix.ReadOnly);
        using var target = OpenDescriptor("create", to, Posix.WriteOnly | Posix.CreateFlag | Posix.Exclusive | Posix.NoFollow, mode: 0x180);
        const int Chunk = 64 * 1024;
        var buffer = stackalloc byte[Chunk];
        while (true)
        {
            var count = Posix.Read(source.Number, buffer, Chunk);
            if (count == 0)
                return;
            if (count < 0 && Marshal.GetLastPInvokeError() != Interrupted)
                throw Failure("read", from);
            Write(target, to, buffer, (int)Math.Max(count, 0));
        }
    }

    public unsafe void Overwrite(string path, ReadOnlySpan<byte> content)
    {
        using var file = OpenDescriptor("overwrite", path, Posix.WriteOnly | Posix.NoFollow);
        fixed (byte* start = content)
            Write(file, path, start, content.Length);
        // Afterwards, so that writing the same once more never takes anything away.
        Check(Posix.Truncate(file.Number, content.Length), "overwrite", path);
    }

    public void SetOwner(string path, uint owner, uint group)
    {
        using var file = OpenDescriptor("change the owner of", path, Posix.ReadOnly | Posix.NoFollow);
        Check(Posix.ChangeOwner(file.Number, owner, group), "change the owner of", path);
    }

    public void SetMode(string path, uint mode)
    {
        using var file = OpenDescriptor("change the mode of", path, Posix.ReadOnly | Posix.NoFollow);
        Check(Posix.ChangeMode(file.Number, mode), "change the mode of", path);
    }

    public void CopyLabel(string from, string to)
    {
        CopyAttribute(from, to, labelAttribute);
        CopyAttribute(from, to, AccessList);
    }

    public void SyncFile(string path) => Sync(path, Posix.ReadOnly | Posix.NoFollow);

    public void SyncDirectory(string path) => Sync(path, Posix.ReadOnly | Posix.DirectoryOnly);

    public void MakeDirectory(string path, uint mode) => Check(Posix.MakeDirectory(path, mode), "make directory", path);

    public void MakeLink(string path, string target) => Check(Posix.SymbolicLink(target, path), "make link", path);

    public void Rename(string from, string to) => Check(Posix.Rename(from, to), "rename", $"{from} to {to}");

    public void Unlink(string path) => Check(Posix.Unlink(path), "remove", path);

    public void RemoveDirectory(string path) => Check(Posix.RemoveDirectory(path), "remove directory", path);

    public string[] List(string directory) => [.. Directory.EnumerateFileSystemEntries(directory).Select(e => Path.GetFileName(e)).Order(StringComparer.Ordinal)];

    public long FreeBytes(string path) => new DriveInfo(path).AvailableFreeSpace;

    public IDisposable Lock(string path) => Lock(path, Posix.LockExclusive)!;

    public IDisposable? TryLock(string path) => Lock(path, Posix.LockExclusive | Posix.LockNow);

    private static unsafe void CopyAttribute(string from, string to, string name)
    {
        const int Longest = 4096;
        var value = stackalloc byte[Longest];
        var length = Posix.GetAttribute(from, name, value, Longest);
        if (length <= 0)
            return;
        if (Posix.SetAttribute(to, name, value, length, 0) != 0 && Marshal.GetLastPInvokeError() is not (NotSupported or NoAttribute))
            throw Failure("label", to);
    }

    private static Descriptor? Lock(string path, int operation)
    {
        var file = OpenDescriptor("lock", path, Posix.ReadWrite | Posix.CreateFlag | Posix.NoFollow, mode: 0x180);
        while (Posix.Lock(file.Number, operation) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == Interrupted)
                continue;
            var failure = Failure("lock", path);
            file.Dispose();
            return error == WouldBlock ? null : throw failure;
        }
        return file;
    }

    private static unsafe void Write(Descriptor file, string path, byte* start, int length)
    {
        for (var written = 0; written < length;)
        {
            var count = Posix.Write(file.Number, start + written, length - written);
            if (count < 0 && Marshal.GetLastPInvokeError() != Interrupted)
                throw Failure("write", path);
            written += (int)Math.Max(count, 0);
        }
    }

    private static void Sync(string path, int flags)
    {
        using var file = OpenDescriptor("sync", path, flags);
        Check(Posix.Sync(file.Number), "sync", path);
    }

    private static Descriptor OpenDescriptor(string operation, string path, int flags, uint mode = 0)
    {
        // Changes nothing for a file; a pipe in its place would be waited for until somebody opens the other end.
        var number = Posix.Open(path, flags | Posix.NonBlocking | Posix.CloseOnExec, mode);
        return number >= 0 ? new Descriptor(number) : throw Failure(operation, path);
    }

    private static void Check(int result, string operation, string path)
    {
        if (result != 0)
            throw Failure(operation, path);
    }

    private static FileSystemException Failure(string operation, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new FileSystemException(operation, path, error, error switch
        {
            FileSystemException.NoEntry => "no such file or directory",
            FileSystemException.PermissionDenied or FileSystemException.NotPermitted => "permission denied",
            FileSystemException.Busy => "busy (is it mounted on its own?)",
            FileSystemException.Exists => "is there already",
            FileSystemException.NoSpace => "the disk is full",
            FileSystemException.ReadOnly => "the file system is read-only",
            FileSystemException.TooManyLinks => "is a symbolic link",
            FileSystemException.OtherDevice => "is on another file system",
            _ => $"error {error}",
        });
    }

    private sealed class Descriptor(int number) : IDisposable
    {
        public int Number { get; } = number;

        public void Dispose() => Posix.Close(Number);
    }
}
