using Keyturn.Device.Storage;

namespace Keyturn.Device.Credentials;

/// <summary>
/// Both paths are links that lead through the one link <c>current</c> to the generation in use, so that one rename(2) switches both and the disk never
/// holds a key beside another key's certificate.
/// </summary>
internal sealed class LinkSwitch(IFileSystem files, CredentialPaths paths, GenerationDirectory generations) : IPairSwitch
{
    public bool IsReached => Current is not null && LeadsTo(paths.Key, GenerationDirectory.Key) && LeadsTo(paths.Certificate, GenerationDirectory.Certificate);

    public string? Current => generations.Current;

    public string? InUse => IsReached ? Current : null;

    public bool Needs(string generation) => generation == Current;

    /// <summary>It is over or it was not begun.</summary>
    public void Finish()
    {
    }

    public void Adopt(string generation)
    {
        // A path that leads here already sees the same bytes before and after.
        if (Current != generation)
            generations.Point(generation);
        Link(paths.Key, GenerationDirectory.Key);
        Link(paths.Certificate, GenerationDirectory.Certificate);
    }

    public void SwitchTo(string generation) => generations.Point(generation);

    private bool LeadsTo(string path, string name) =>
        files.Status(path) is { Kind: FileKind.SymbolicLink } && files.ReadLink(path) == generations.CurrentFile(name);

    private void Link(string path, string name)
    {
        if (!LeadsTo(path, name))
        {
            var next = CredentialFile.NextTo(path);
            if (files.Status(next) is not null)
                files.Unlink(next);
            files.MakeLink(next, generations.CurrentFile(name));
            files.Rename(next, path);
        }
        // A link of one path without the other's, after the next switch, would be a pair that does not match.
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
