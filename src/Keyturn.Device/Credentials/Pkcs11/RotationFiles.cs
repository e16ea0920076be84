using System.Text;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>What a rotation of a token's key keeps on the disk: the CSR, and which two credentials it is between. None of it is secret.</summary>
internal sealed class RotationFiles(IFileSystem files, string directory)
{
    private const int LongestFile = 64 * 1024;

    private string Pair => Path.Combine(directory, "token-pair");

    /// <summary>The two credentials of the last rotation that was begun.</summary>
    public PreparedPair? Prepared => Read(Pair) is { } text && text.Split('\n') is [var old, var made, ..] ? new(old, made) : null;

    public void Keep(PreparedPair pair, string request)
    {
        GenerationDirectory.Ensure(files, directory, isForUs: true);
        Write(RequestOf(pair.New), request);
        Write(Pair, $"{pair.Old}\n{pair.New}\n");
    }

    public string Request(string credential) =>
        Read(RequestOf(credential)) ?? throw new CredentialException($"{RequestOf(credential)}, the certificate request of this rotation, is gone. The credential in use is untouched; start a new job");

    public void Forget(string credential)
    {
        if (files.Status(RequestOf(credential)) is null)
            return;
        files.Unlink(RequestOf(credential));
        files.SyncDirectory(directory);
    }

    private string RequestOf(string credential) => Path.Combine(directory, $"token-{credential}.csr");

    private string? Read(string path) => files.Status(path) is null ? null : Encoding.ASCII.GetString(files.Read(path, LongestFile));

    private void Write(string path, string content)
    {
        var next = path + ".next";
        if (files.Status(next) is not null)
            files.Unlink(next);
        files.Create(next, Encoding.ASCII.GetBytes(content));
        files.SyncFile(next);
        files.Rename(next, path);
        files.SyncDirectory(directory);
    }
}
