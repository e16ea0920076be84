using System.Security.Cryptography;
using System.Text;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Credentials;

/// <summary>
/// For places where no link can lead to the credential: the key is replaced and then the certificate, each by a rename or, where the file is mounted on
/// its own, in place. In between they are no pair. So <c>current</c>, here a file, names both generations before the first is touched; as long as it does,
/// what is not whole at the paths is ours, and either generation can be put there from its copy, which stays until one of them is there, durably.
/// </summary>
internal sealed class TwoFileSwitch(IFileSystem files, CredentialPaths paths, GenerationDirectory generations, CredentialFiles contents, ILogger log) : IPairSwitch
{
    private (string Path, string Name)[] Places => [(paths.Key, GenerationDirectory.Key), (paths.Certificate, GenerationDirectory.Certificate)];

    public bool IsReached => Recorded is { } r && (r.Next is null ? Holds(r.Current) : !IsSomebodyElses(r));

    public string? Current => Recorded?.Current;

    public string? InUse => Recorded is not { } r ? null : r.Next is not null && Holds(r.Next) ? r.Next : Holds(r.Current) ? r.Current : null;

    public bool Needs(string generation) => Recorded is { } r && (r.Current == generation || r.Next == generation);

    public void Finish()
    {
        if (Recorded is { Next: { } next } record && !IsSomebodyElses(record))
            SwitchTo(Holds(next) ? next : record.Current);
    }

    /// <summary>Writes what is there once more: what can't be written now is found out before a certificate is asked for.</summary>
    public void Adopt(string generation)
    {
        var how = Put(generation, evenIfThere: true);
        Log.TwoFiles(log, paths.Key, how[0], paths.Certificate, how[1]);
        Record(new Switching(generation, null));
    }

    public void SwitchTo(string generation)
    {
        var record = Recorded!;
        if (!IsReached)
        {
            // What somebody put there stays.
            Record(new Switching(generation, null));
            return;
        }
        if (!Needs(generation) && record.Next is not null)
        {
            Finish();
            record = Recorded!;
        }
        Record(record.Next is null && record.Current != generation ? record with { Next = generation } : record);
        Put(generation, evenIfThere: false);
        Record(new Switching(generation, null));
    }

    private string[] Put(string generation, bool evenIfThere)
    {
        var how = new List<string>();
        foreach (var (path, name) in Places)
        {
            var kept = generations.FileOf(generation, name);
            var content = files.Read(kept, CredentialFile.Longest);
            try
            {
                how.Add(Put(path, content, kept, evenIfThere));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(content);
            }
        }
        return [.. how];
    }

    private string Put(string path, ReadOnlySpan<byte> content, string kept, bool evenIfThere)
    {
        if (!evenIfThere && IsSame(path, content))
        {
            // A process that was killed may have left it in the kernel's memory only.
            files.SyncFile(path);
            files.SyncDirectory(Path.GetDirectoryName(path)!);
            return "is there";
        }
        try
        {
            var next = CredentialFile.NextTo(path);
            if (files.Status(next) is not null)
                files.Unlink(next);
            CredentialFile.Make(files, next, content, kept);
            files.Rename(next, path);
            files.SyncDirectory(Path.GetDirectoryName(path)!);
            return "is replaced by a rename";
        }
        catch (FileSystemException e) when (e.IsOfThePlace && files.Status(path) is { Kind: FileKind.Regular })
        {
            RemoveNext(path);
            files.Overwrite(path, content);
            files.SyncFile(path);
            return $"is overwritten in place ({e.Message})";
        }
    }

    private void RemoveNext(string path)
    {
        var next = CredentialFile.NextTo(path);
        if (files.Status(next) is null)
            return;
        files.Unlink(next);
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private bool Holds(string generation) => Places.All(p => IsOf(p.Path, p.Name, generation));

    /// <summary>
    /// Byte for byte: a certificate half old and half new can still carry the new public key. A switch never has both files unwhole at once, so a pair that
    /// matches and has no file of ours is somebody's.
    /// </summary>
    private bool IsSomebodyElses(Switching record) =>
        !Places.Any(p => IsOf(p.Path, p.Name, record.Current) || IsOf(p.Path, p.Name, record.Next!)) && IsPairThere();

    private bool IsOf(string path, string name, string generation)
    {
        if (files.Status(generations.FileOf(generation, name)) is null)
            return false;
        var content = files.Read(generations.FileOf(generation, name), CredentialFile.Longest);
        try
        {
            return IsSame(path, content);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    private bool IsSame(string path, ReadOnlySpan<byte> content)
    {
        if (files.Status(path) is not { Kind: FileKind.Regular, Size: <= CredentialFile.Longest })
            return false;
        var there = files.Read(path, CredentialFile.Longest);
        var isSame = content.SequenceEqual(there);
        CryptographicOperations.ZeroMemory(there);
        return isSame;
    }

    /// <summary>By their public keys.</summary>
    private bool IsPairThere()
    {
        try
        {
            var key = files.Read(files.Resolve(paths.Key), CredentialFile.Longest);
            try
            {
                return contents.ArePair(key, files.Read(files.Resolve(paths.Certificate), CredentialFile.Longest));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        }
        catch (CredentialException)
        {
            return false;
        }
        catch (FileSystemException e) when (e.Error == FileSystemException.NoEntry)
        {
            return false;
        }
    }

    /// <param name="Current">What was there before, or, without a next one, what is there.</param>
    /// <param name="Next">What is being put there.</param>
    private sealed record Switching(string Current, string? Next);

    private Switching? Recorded
    {
        get
        {
            if (!generations.IsRecorded)
                return null;
            var text = Encoding.ASCII.GetString(files.Read(generations.CurrentLink, CredentialFile.Longest));
            var names = text.TrimEnd('\n').Split(' ');
            return text.EndsWith('\n') && names is [_] or [_, _] && names.All(GenerationDirectory.IsName)
                ? new Switching(names[0], names.ElementAtOrDefault(1))
                : throw new CredentialException(
                    $"{generations.CurrentLink} does not say which credential is in use: it is damaged, or not this component's. Nothing was changed. " +
                    $"See that {paths.Key} and {paths.Certificate} are a pair, then remove it; the next rotation begins from what is there");
        }
    }

    /// <summary>Durable when this returns, also where it was there already.</summary>
    private void Record(Switching record)
    {
        if (Recorded != record)
        {
            var next = generations.CurrentLink + ".next";
            if (files.Status(next) is not null)
                files.Unlink(next);
            files.Create(next, Encoding.ASCII.GetBytes(record.Next is null ? $"{record.Current}\n" : $"{record.Current} {record.Next}\n"));
            files.SyncFile(next);
            files.Rename(next, generations.CurrentLink);
        }
        files.SyncDirectory(generations.Path);
    }
}
