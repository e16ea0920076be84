using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Storage;

/// <summary>The real disk, in a place where no link can be made, or where files can't be renamed over because each is mounted on its own.</summary>
internal sealed class HinderedFileSystem(IFileSystem real, bool hasLinks, params string[] mounts) : IFileSystem
{
    public uint User => real.User;

    /// <summary>Every operation that changes something is told of before it is done.</summary>
    public Action<string> Before { get; set; } = _ => { };

    /// <summary>Told of each path that is looked at, before it is.</summary>
    public Action<string> BeforeStatus { get; set; } = _ => { };

    public FileStatus? Status(string path)
    {
        BeforeStatus(path);
        return real.Status(path);
    }

    public string ReadLink(string path) => real.ReadLink(path);

    public string Resolve(string path) => real.Resolve(path);

    public byte[] Read(string path, int longest) => real.Read(path, longest);

    public bool IsReadableBy(string path, uint owner, uint group) => real.IsReadableBy(path, owner, group);

    public void Create(string path, ReadOnlySpan<byte> content)
    {
        Before($"create {path}");
        real.Create(path, content);
    }

    public void Overwrite(string path, ReadOnlySpan<byte> content)
    {
        Before($"overwrite {path}");
        real.Overwrite(path, content);
    }

    public void Copy(string from, string to) => real.Copy(from, to);

    public void SetOwner(string path, uint owner, uint group) => real.SetOwner(path, owner, group);

    public void SetMode(string path, uint mode) => real.SetMode(path, mode);

    public void CopyLabel(string from, string to) => real.CopyLabel(from, to);

    public void SyncFile(string path) => real.SyncFile(path);

    public void SyncDirectory(string path) => real.SyncDirectory(path);

    public void MakeDirectory(string path, uint mode) => real.MakeDirectory(path, mode);

    public void MakeLink(string path, string target)
    {
        if (!hasLinks)
            throw new FileSystemException("make link", path, FileSystemException.NotPermitted, "permission denied");
        real.MakeLink(path, target);
    }

    public void Rename(string from, string to)
    {
        Before($"rename {from} to {to}");
        if (mounts.Contains(to))
            throw new FileSystemException("rename", $"{from} to {to}", FileSystemException.Busy, "busy");
        real.Rename(from, to);
    }

    public void Unlink(string path) => real.Unlink(path);

    public void RemoveDirectory(string path) => real.RemoveDirectory(path);

    public string[] List(string directory) => real.List(directory);

    public long FreeBytes(string path) => real.FreeBytes(path);

    public IDisposable Lock(string path) => real.Lock(path);

    public IDisposable? TryLock(string path) => real.TryLock(path);
}
