using System.Globalization;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Credentials;

/// <summary>
/// The store's own directory: <c>gen-1</c>, <c>gen-2</c> … with <c>key</c>, <c>cert</c> and <c>csr</c>, and the link <c>current</c> that names the one
/// in use. It belongs to us alone; a directory or link that somebody else has put there is refused.
/// </summary>
internal sealed class GenerationDirectory(IFileSystem files, string path)
{
    public const string Key = "key", Certificate = "cert", Request = "csr";

    private const string Prefix = "gen-";
    private const uint OwnerOnly = 0x1C0, Searchable = 0x1C9, WritableByOthers = 0x12;

    public string Path => path;

    public string CurrentLink => System.IO.Path.Combine(path, "current");

    public string CurrentFile(string name) => System.IO.Path.Combine(CurrentLink, name);

    public string PathOf(string generation) => System.IO.Path.Combine(path, Checked(generation));

    public string FileOf(string generation, string name) => System.IO.Path.Combine(PathOf(generation), name);

    /// <summary>There is a file in place of the link: <see cref="TwoFileSwitch"/> keeps its record there.</summary>
    public bool IsRecorded => files.Status(CurrentLink) is { Kind: FileKind.Regular };

    /// <summary>The generation that the link names, if there is one.</summary>
    public string? Current
    {
        get
        {
            if (files.Status(CurrentLink) is not { Kind: FileKind.SymbolicLink })
                return null;
            var target = files.ReadLink(CurrentLink);
            return IsName(target) && files.Status(PathOf(target)) is { Kind: FileKind.Directory } ? target : null;
        }
    }

    public IEnumerable<string> All => files.Status(path) is null ? [] : files.List(path).Where(IsName);

    /// <summary>Our directory, reached by nobody else, or, when the nucleus runs as another user, passable but not listable.</summary>
    public static void Ensure(IFileSystem files, string directory, bool isForUs)
    {
        var mode = isForUs ? OwnerOnly : Searchable;
        if (files.Status(directory) is null)
            files.MakeDirectory(directory, OwnerOnly);
        // Also when it is there already: whoever made it may have been killed before this.
        files.SyncDirectory(System.IO.Path.GetDirectoryName(directory)!);
        var status = files.Status(directory)!.Value;
        if (status.Kind != FileKind.Directory || status.Owner != files.User || (status.Mode & WritableByOthers) != 0)
        {
            throw new CredentialException(
                $"{directory} is not a directory that belongs to this component alone (it may have been planted). Nothing was changed. Find out who made it, then remove it");
        }
        if (status.Mode != mode)
            files.SetMode(directory, mode);
    }

    /// <summary>A new, empty generation.</summary>
    public string Begin(bool isForUs)
    {
        var number = All.Select(NumberOf).DefaultIfEmpty(0).Max() + 1;
        var generation = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number}");
        Ensure(files, PathOf(generation), isForUs);
        return generation;
    }

    /// <summary>One rename: the key and the certificate change together or not at all.</summary>
    public void Point(string generation)
    {
        var next = CurrentLink + ".next";
        if (files.Status(next) is not null)
            files.Unlink(next);
        files.MakeLink(next, Checked(generation));
        files.Rename(next, CurrentLink);
        files.SyncDirectory(path);
    }

    public void Remove(string generation)
    {
        var directory = PathOf(generation);
        if (files.Status(directory) is not { } status)
            return;
        if (status.Kind != FileKind.Directory)
        {
            // Planted, or left by a copy: what a link leads to is not ours to empty.
            files.Unlink(directory);
            files.SyncDirectory(path);
            return;
        }
        foreach (var name in files.List(directory))
            files.Unlink(System.IO.Path.Combine(directory, name));
        files.SyncDirectory(directory);
        files.RemoveDirectory(directory);
        files.SyncDirectory(path);
    }

    public static bool IsName(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static int NumberOf(string name) => int.Parse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture);

    private static string Checked(string generation) => IsName(generation) ? generation : throw new CredentialException($"'{generation}' names no generation");
}
