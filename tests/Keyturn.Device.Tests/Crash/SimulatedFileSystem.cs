using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Crash;

/// <summary>The power went: nothing the process does from here on reaches the disk.</summary>
internal sealed class PowerLostException : Exception;

/// <summary>What becomes of the operations that no fsync has made durable.</summary>
/// <param name="Keeps">Whether the n-th of them that is pending survives.</param>
/// <param name="Content">How much of an unsynced file's content survives: 0 nothing, 1 half, 2 all.</param>
internal sealed record Fate(string Name, Func<int, bool> Keeps, int Content);

/// <summary>One call of the product on its disk.</summary>
/// <param name="Pending">How many operations a power cut before it would decide on.</param>
internal sealed record DiskCall(string Operation, string Path, bool IsChange, int Pending);

/// <summary>
/// A disk as badly behaved as POSIX allows: a file's content is durable after its own fsync only, a name after its directory's, and what is pending when
/// the power goes is kept, lost or torn, each operation by itself. Every call that the product makes passes through <see cref="Look"/> or
/// <see cref="Strike"/>.
/// </summary>
internal sealed class SimulatedFileSystem : IFileSystem
{
    private readonly List<(Node Directory, Action<Node> Apply)> _pending = [];
    private readonly List<DiskCall> _calls = [];
    private Node _root = new(FileKind.Directory);

    public SimulatedFileSystem()
    {
    }

    /// <summary>A copy, with everything durable.</summary>
    public SimulatedFileSystem(SimulatedFileSystem model)
    {
        _root = model._root.Durable(2);
        (Mounts, HasNoLinks) = (model.Mounts, model.HasNoLinks);
    }

    /// <summary>A copy of it as a process sees it now.</summary>
    public SimulatedFileSystem AsSeen() => new(this) { _root = _root.Seen() };

    /// <summary>What was asked of it since the last <see cref="Crash"/> or <see cref="CountAnew"/>.</summary>
    public IReadOnlyList<DiskCall> Calls => _calls;

    /// <summary>The call at which the power goes.</summary>
    public int? PowerGoesAt { get; set; }

    /// <summary>The call that fails, and how; those after it, as many as told.</summary>
    public (int At, int Times, int Error)? Fails { get; set; }

    /// <summary>Asked before every change whether the power goes there.</summary>
    public Func<bool> PowerGoes { get; set; } = () => false;

    public bool IsReadOnly { get; set; }

    public long Free { get; set; } = long.MaxValue;

    public int Pending => _pending.Count;

    /// <summary>While it is the same number, all of the disk is the same.</summary>
    public int Changes { get; private set; }

    /// <summary>Files that are mounted on their own: they can be written and neither renamed over nor removed.</summary>
    public IReadOnlyCollection<string> Mounts { get; init; } = [];

    /// <summary>As a file system without links, a FAT for instance.</summary>
    public bool HasNoLinks { get; init; }

    /// <summary>Disks that lie, to show that the check would notice.</summary>
    public bool IgnoresDirectorySync { get; init; }

    public bool IgnoresFileSync { get; init; }

    public Func<string, bool> NeverKeeps { get; init; } = _ => false;

    public uint User => 0;

    public void Crash(Fate fate)
    {
        for (var i = 0; i < _pending.Count; i++)
        {
            if (fate.Keeps(i))
                _pending[i].Apply(_pending[i].Directory);
        }
        _pending.Clear();
        _root = _root.Durable(fate.Content);
        Changes++;
        CountAnew();
    }

    /// <summary>The process has ended and the kernel lives on: what is pending stays so.</summary>
    public void CountAnew()
    {
        PowerGoesAt = null;
        Fails = null;
        _calls.Clear();
    }

    public FileStatus? Status(string path)
    {
        Look("look at", path);
        return Find(path, followLast: false) is { } n ? new FileStatus(n.Kind, n.Mode, n.Owner, n.Owner, n.Content.Length) : null;
    }

    public string ReadLink(string path)
    {
        Look("read link", path);
        return Existing(path, followLast: false).Target ?? throw Failure("read link", path, 22);
    }

    public string Resolve(string path)
    {
        Look("resolve", path);
        return Walk(path, followLast: true, out _, out var real) is var error and not 0 ? throw Failure("resolve", path, error) : real;
    }

    public byte[] Read(string path, int longest)
    {
        Look("read", path);
        return Existing(path, followLast: false) is { Kind: FileKind.Regular } file ? [.. file.Content] : throw Failure("read", path, FileSystemException.TooManyLinks);
    }

    public bool IsReadableBy(string path, uint owner, uint group)
    {
        Look("try to read", path);
        return Find(path, followLast: true) is not null;
    }

    public void Create(string path, ReadOnlySpan<byte> content)
    {
        Strike("create", path);
        var (directory, name) = Parent(path);
        if (directory.Entries.ContainsKey(name))
            throw Failure("create", path, FileSystemException.Exists);
        var file = new Node(FileKind.Regular) { Content = content.ToArray(), Mode = 0x180 };
        directory.Entries[name] = file;
        Pend(path, directory, d => d.Names[name] = file);
    }

    public void Overwrite(string path, ReadOnlySpan<byte> content)
    {
        Strike("overwrite", path);
        Existing(path, followLast: false).Content = content.ToArray();
    }

    public void Copy(string from, string to) => Create(to, Existing(from, followLast: true).Content);

    public void SetOwner(string path, uint owner, uint group)
    {
        Strike("change the owner of", path);
        Existing(path, followLast: false).Owner = owner;
    }

    public void SetMode(string path, uint mode)
    {
        Strike("change the mode of", path);
        Existing(path, followLast: false).Mode = mode;
    }

    public void CopyLabel(string from, string to) => Strike("label", to);

    public void SyncFile(string path)
    {
        Strike("sync", path);
        var file = Existing(path, followLast: false);
        if (!IgnoresFileSync)
            file.Kept = file.Content;
    }

    public void SyncDirectory(string path)
    {
        Strike("sync directory", path);
        if (IgnoresDirectorySync)
            return;
        var directory = Existing(path, followLast: true);
        foreach (var (_, apply) in _pending.Where(p => p.Directory == directory))
            apply(directory);
        _pending.RemoveAll(p => p.Directory == directory);
    }

    public void MakeDirectory(string path, uint mode)
    {
        Strike("make directory", path);
        Add(path, new Node(FileKind.Directory) { Mode = mode });
    }

    public void MakeLink(string path, string target)
    {
        Strike("make link", path);
        if (HasNoLinks)
            throw Failure("make link", path, FileSystemException.NotPermitted);
        Add(path, new Node(FileKind.SymbolicLink) { Target = target });
    }

    public void Rename(string from, string to)
    {
        Strike("rename", $"{from} to {to}");
        if (Mounts.Contains(from) || Mounts.Contains(to))
            throw Failure("rename", $"{from} to {to}", FileSystemException.Busy);
        var (directory, source) = Parent(from);
        var (other, destination) = Parent(to);
        Assert.Same(directory, other);
        var node = directory.Entries.GetValueOrDefault(source) ?? throw Failure("rename", from, FileSystemException.NoEntry);
        directory.Entries.Remove(source);
        directory.Entries[destination] = node;
        Pend(to, directory, d =>
        {
            d.Names.Remove(source);
            d.Names[destination] = node;
        });
    }

    public void Unlink(string path) => Drop(path, FileKind.Directory, mayBe: false);

    public void RemoveDirectory(string path) => Drop(path, FileKind.Directory, mayBe: true);

    public string[] List(string directory)
    {
        Look("list", directory);
        return [.. Existing(directory, followLast: true).Entries.Keys.Order(StringComparer.Ordinal)];
    }

    public long FreeBytes(string path)
    {
        Look("measure", path);
        return Free;
    }

    public IDisposable Lock(string path)
    {
        Look("lock", path);
        return new Held();
    }

    public IDisposable? TryLock(string path) => Lock(path);

    /// <summary>For setting the scene: durable at once.</summary>
    public void Install(string path, string content)
    {
        Changes++;
        var node = _root;
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        foreach (var part in parts[..^1])
        {
            if (!node.Entries.TryGetValue(part, out var next))
                node.Names[part] = node.Entries[part] = next = new Node(FileKind.Directory) { Mode = 0x1C0 };
            node = next;
        }
        var bytes = System.Text.Encoding.ASCII.GetBytes(content);
        node.Names[parts[^1]] = node.Entries[parts[^1]] = new Node(FileKind.Regular) { Content = bytes, Kept = bytes, Mode = 0x180 };
    }

    /// <summary>For looking on: not a call of the product.</summary>
    public string Text(string path) => System.Text.Encoding.ASCII.GetString(Existing(path, followLast: true).Content);

    /// <summary>The file's own bytes, or nothing: not to be written to.</summary>
    public byte[]? Content(string path) => Find(path, followLast: true) is { Kind: FileKind.Regular } file ? file.Content : null;

    public bool Has(string path) => Find(path, followLast: true) is not null;

    public IEnumerable<string> Names(string directory) => Find(directory, followLast: true)?.Entries.Keys ?? Enumerable.Empty<string>();

    private void Look(string operation, string path) => Reach(new DiskCall(operation, path, IsChange: false, Pending));

    private void Strike(string operation, string path)
    {
        if (PowerGoes())
            throw new PowerLostException();
        Changes++;
        Reach(new DiskCall(operation, path, IsChange: true, Pending));
        if (IsReadOnly)
            throw Failure(operation, path, FileSystemException.ReadOnly);
    }

    private void Reach(DiskCall call)
    {
        if (_calls.Count <= (PowerGoesAt ?? int.MaxValue - 1))
            _calls.Add(call);
        if (_calls.Count > PowerGoesAt)
            throw new PowerLostException();
        if (Fails is { } f && _calls.Count > f.At && _calls.Count <= f.At + f.Times)
            throw Failure(call.Operation, call.Path, f.Error);
    }

    private void Add(string path, Node node)
    {
        var (directory, name) = Parent(path);
        if (!directory.Entries.TryAdd(name, node))
            throw Failure("make", path, FileSystemException.Exists);
        Pend(path, directory, d => d.Names[name] = node);
    }

    private void Drop(string path, FileKind kind, bool mayBe)
    {
        Strike(mayBe ? "remove directory" : "remove", path);
        var (directory, name) = Parent(path);
        var node = directory.Entries.GetValueOrDefault(name) ?? throw Failure("remove", path, FileSystemException.NoEntry);
        if ((node.Kind == kind) != mayBe || node.Entries.Count > 0)
            throw Failure("remove", path, 39);
        directory.Entries.Remove(name);
        Pend(path, directory, d => d.Names.Remove(name));
    }

    private void Pend(string path, Node directory, Action<Node> apply)
    {
        if (!NeverKeeps(path))
            _pending.Add((directory, apply));
    }

    private (Node Directory, string Name) Parent(string path)
    {
        var cut = path.LastIndexOf('/');
        return (Existing(path[..cut], followLast: true), path[(cut + 1)..]);
    }

    private Node Existing(string path, bool followLast) => Find(path, followLast) ?? throw Failure("open", path, FileSystemException.NoEntry);

    private Node? Find(string path, bool followLast) => Walk(path, followLast, out var node, out _) == 0 ? node : null;

    /// <summary>The way to a node, over the links on it; simulations take it more often than all else.</summary>
    /// <param name="real">The way without links.</param>
    /// <returns>The error, or 0.</returns>
    private int Walk(string path, bool followLast, out Node node, out string real)
    {
        real = path;
        node = _root;
        for (int links = 0, at = 0; at < real.Length;)
        {
            if (real[at] == '/')
            {
                at++;
                continue;
            }
            var end = real.IndexOf('/', at) is var cut and >= 0 ? cut : real.Length;
            if (!node.Entries.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(real.AsSpan(at..end), out var next))
                return FileSystemException.NoEntry;
            if (next.Target is not { } target || (end == real.Length && !followLast))
            {
                (node, at) = (next, end);
                continue;
            }
            if (++links > 20)
                return FileSystemException.TooManyLinks;
            real = string.Concat(target.StartsWith('/') ? "" : real.AsSpan(..at), target, real.AsSpan(end..));
            (node, at) = (_root, 0);
        }
        return 0;
    }

    private static FileSystemException Failure(string operation, string path, int error) => new(operation, path, error, $"error {error}");

    private sealed class Held : IDisposable
    {
        public void Dispose()
        {
        }
    }

    private sealed class Node(FileKind kind)
    {
        public FileKind Kind { get; } = kind;

        public byte[] Content { get; set; } = [];

        /// <summary>What is on the disk of the content.</summary>
        public byte[] Kept { get; set; } = [];

        public string? Target { get; init; }

        public uint Mode { get; set; }

        public uint Owner { get; set; }

        public Dictionary<string, Node> Entries { get; } = new(StringComparer.Ordinal);

        /// <summary>What is on the disk of the entries.</summary>
        public Dictionary<string, Node> Names { get; } = [];

        public Node Seen()
        {
            var copy = new Node(Kind) { Content = Content, Kept = Content, Target = Target, Mode = Mode, Owner = Owner };
            foreach (var (name, node) in Entries)
                copy.Names[name] = copy.Entries[name] = node.Seen();
            return copy;
        }

        public Node Durable(int content)
        {
            var half = Content.Length / 2;
            var torn = Content.AsSpan().SequenceEqual(Kept) || content == 2 ? Content : content == 1 ? [.. Content[..half], .. Kept[Math.Min(half, Kept.Length)..]] : Kept;
            var copy = new Node(Kind) { Content = torn, Kept = torn, Target = Target, Mode = Mode, Owner = Owner };
            foreach (var (name, node) in Names)
                copy.Names[name] = copy.Entries[name] = node.Durable(content);
            return copy;
        }
    }
}
