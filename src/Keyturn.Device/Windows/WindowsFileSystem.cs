using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Text;
using Keyturn.Device.Storage;
using Microsoft.Win32.SafeHandles;

namespace Keyturn.Device.Windows;

/// <summary>
/// NTFS. A rename is written through, and what names a file is in NTFS's own log, in order: there is no directory to be flushed. Links are not made, since
/// whether they may be is a matter of policy: key and certificate are switched as two files.
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed class WindowsFileSystem : IFileSystem
{
    /// <summary>Administrators and SYSTEM, as <see cref="WindowsAccess"/> counts them.</summary>
    public uint User => 0;

    public FileStatus? Status(string path) => Try("look at", path, () =>
    {
        if (AttributesOf(path) is not { } attributes)
            return (FileStatus?)null;
        var isDirectory = attributes.HasFlag(FileAttributes.Directory);
        FileSystemInfo info = isDirectory ? new DirectoryInfo(path) : new FileInfo(path);
        var kind = attributes.HasFlag(FileAttributes.ReparsePoint) ? FileKind.SymbolicLink : isDirectory ? FileKind.Directory : FileKind.Regular;
        var access = AccessTo(path, isDirectory);
        return new FileStatus(
            kind, access.Mode(isDirectory), access.Owner, 0, isDirectory ? 0 : ((FileInfo)info).Length, new DateTimeOffset(info.LastWriteTimeUtc).ToUnixTimeMilliseconds());
    });

    /// <summary>None of what is not there. What can't be looked at may be: a journal that was taken for none would end a rotation unseen.</summary>
    private static FileAttributes? AttributesOf(string path)
    {
        try
        {
            return File.GetAttributes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    public string ReadLink(string path) => Try("read link", path, () => File.ResolveLinkTarget(path, returnFinalTarget: false)?.FullName) ?? throw NotALink(path);

    public string Resolve(string path) => Try("resolve", path, () => File.Exists(path)
        ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path)
        : throw new FileNotFoundException());

    public byte[] Read(string path, int longest) => Try("read", path, () =>
    {
        if (Status(path) is { Kind: not FileKind.Regular })
            throw new FileSystemException("read", path, FileSystemException.TooManyLinks, "not a regular file");
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var length = RandomAccess.GetLength(file);
        if (length > longest)
            throw new FileSystemException("read", path, 27, $"{length} bytes, more than the {longest} expected");
        // Pinned, so that the collector leaves no copy of a key behind.
        var content = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
        for (var filled = 0; filled < content.Length;)
        {
            var count = RandomAccess.Read(file, content.AsSpan(filled), filled);
            filled += count > 0 ? count : throw new FileSystemException("read", path, 5, "shorter than its size says");
        }
        return content;
    });

    public bool IsReadableBy(string path, uint owner, uint group) => Try("look at", path, () => AccessTo(path, isDirectory: false).SystemMayRead);

    public void Create(string path, ReadOnlySpan<byte> content)
    {
        try
        {
            using var file = New(path);
            RandomAccess.Write(file.SafeFileHandle, content, 0);
        }
        catch (Exception e) when (IsFailure(e))
        {
            throw Failure("create", path, e);
        }
    }

    public void Overwrite(string path, ReadOnlySpan<byte> content)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.Read);
            RandomAccess.Write(file, content, 0);
            // Afterwards, so that writing the same once more never takes anything away.
            RandomAccess.SetLength(file, content.Length);
        }
        catch (Exception e) when (IsFailure(e))
        {
            throw Failure("overwrite", path, e);
        }
    }

    public void Copy(string from, string to) => Try("copy", $"{from} to {to}", () =>
    {
        using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read);
        using var target = New(to);
        source.CopyTo(target);
        return true;
    });

    /// <summary>Everything of ours belongs to Administrators, who the nucleus and this component are.</summary>
    public void SetOwner(string path, uint owner, uint group)
    {
    }

    /// <summary>Closes what is open to others, and never opens anything.</summary>
    public void SetMode(string path, uint mode)
    {
        if ((mode & 0x3F) != 0)
            return;
        Try("change the access to", path, () =>
        {
            if (Directory.Exists(path))
                new DirectoryInfo(path).SetAccessControl(OwnDirectory());
            else
                new FileInfo(path).SetAccessControl(OwnFile());
            return true;
        });
    }

    /// <summary>There are none.</summary>
    public void CopyLabel(string from, string to)
    {
    }

    public void SyncFile(string path) => Try("sync", path, () =>
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.FlushToDisk(file);
        return true;
    });

    /// <summary>Nothing to do: see above.</summary>
    public void SyncDirectory(string path)
    {
    }

    public void MakeDirectory(string path, uint mode) => Try("make directory", path, () =>
    {
        if (Path.Exists(path))
            throw new FileSystemException("make directory", path, FileSystemException.Exists, "is there already");
        OwnDirectory().CreateDirectory(path);
        return true;
    });

    public void MakeLink(string path, string target) =>
        throw new FileSystemException("make link", path, FileSystemException.NotSupported, "on Windows the right to make links is a matter of policy");

    public void Rename(string from, string to)
    {
        if (!Kernel.Move(from, to, Kernel.ReplaceExisting | Kernel.WriteThrough))
            throw Failure("rename", $"{from} to {to}", Marshal.GetLastPInvokeError());
    }

    public void Unlink(string path) => Try("remove", path, () =>
    {
        if (!Path.Exists(path))
            throw new FileNotFoundException();
        File.Delete(path);
        return true;
    });

    public void RemoveDirectory(string path) => Try("remove directory", path, () =>
    {
        Directory.Delete(path);
        return true;
    });

    public string[] List(string directory) => Try("list", directory, () =>
        Directory.EnumerateFileSystemEntries(directory).Select(e => Path.GetFileName(e)).Order(StringComparer.Ordinal).ToArray());

    public long FreeBytes(string path) => Try("measure", path, () => new DriveInfo(Path.GetPathRoot(Path.GetFullPath(path))!).AvailableFreeSpace);

    public IDisposable Lock(string path) => Lock(path, Kernel.LockExclusive)!;

    public IDisposable? TryLock(string path) => Lock(path, Kernel.LockExclusive | Kernel.LockNow);

    private static unsafe SafeFileHandle? Lock(string path, uint flags)
    {
        var file = Try("lock", path, () => File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite));
        NativeOverlapped place = default;
        if (Kernel.LockFile(file, flags, 0, 1, 0, &place))
            return file;
        var error = Marshal.GetLastPInvokeError();
        file.Dispose();
        return error == WindowsErrors.LockViolation ? null : throw Failure("lock", path, error);
    }

    private static FileStream New(string path) =>
        new FileInfo(path).Create(FileMode.CreateNew, FileSystemRights.WriteData | FileSystemRights.Synchronize, FileShare.None, bufferSize: 1, FileOptions.None, OwnFile());

    private static FileSecurity OwnFile()
    {
        var security = new FileSecurity();
        security.SetSecurityDescriptorSddlForm(WindowsAccess.OwnFile);
        return security;
    }

    private static DirectorySecurity OwnDirectory()
    {
        var security = new DirectorySecurity();
        security.SetSecurityDescriptorSddlForm(WindowsAccess.OwnDirectory);
        return security;
    }

    private static WindowsAccess AccessTo(string path, bool isDirectory)
    {
        const AccessControlSections Parts = AccessControlSections.Owner | AccessControlSections.Access;
        FileSystemSecurity security = isDirectory ? new DirectoryInfo(path).GetAccessControl(Parts) : new FileInfo(path).GetAccessControl(Parts);
        return WindowsAccess.Parse(security.GetSecurityDescriptorSddlForm(Parts));
    }

    private static T Try<T>(string operation, string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (IsFailure(e))
        {
            throw Failure(operation, path, e);
        }
    }

    private static bool IsFailure(Exception e) => e is (IOException and not FileSystemException) or UnauthorizedAccessException or InvalidOperationException;

    private static FileSystemException Failure(string operation, string path, Exception e) =>
        e is UnauthorizedAccessException ? Failure(operation, path, WindowsErrors.AccessDenied)
        : e is FileNotFoundException or DirectoryNotFoundException ? Failure(operation, path, WindowsErrors.FileNotFound)
        : Failure(operation, path, e.HResult & 0xFFFF);

    private static FileSystemException Failure(string operation, string path, int error) => WindowsErrors.Failure(operation, path, error);

    private static FileSystemException NotALink(string path) => new("read link", path, FileSystemException.Invalid, "is no link");
}
