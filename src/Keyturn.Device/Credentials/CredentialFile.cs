using Keyturn.Device.Storage;

namespace Keyturn.Device.Credentials;

/// <summary>One file of a credential: readable by its owner alone from the first moment, then as the file that it stands in for.</summary>
internal static class CredentialFile
{
    public const int Longest = 64 * 1024;

    /// <summary>Where what will replace a file is made.</summary>
    public static string NextTo(string path) => path + ".keyturn";

    /// <summary>Its content is durable when this returns; its name is not.</summary>
    /// <param name="like">Whose owner, group, mode and label it gets.</param>
    public static void Make(IFileSystem files, string path, ReadOnlySpan<byte> content, string? like)
    {
        files.Create(path, content);
        if (like is not null && files.Status(like) is { } model)
        {
            if (files.Status(path) is { } made && (made.Owner, made.Group) != (model.Owner, model.Group))
                files.SetOwner(path, model.Owner, model.Group);
            if (model.Mode != 0x180)
                files.SetMode(path, model.Mode);
            files.CopyLabel(like, path);
        }
        files.SyncFile(path);
    }
}
