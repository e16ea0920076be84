using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;

namespace Keyturn.Device;

/// <summary>Where the component keeps what is its own: under the Greengrass root, since the nucleus gives the work directory to the component's user.</summary>
internal sealed class StateDirectories(string root)
{
    public string Top { get; } = Path.Combine(root, "certificate-rotator");

    public string Credentials => Path.Combine(Top, "credentials");

    /// <summary>For a copy of this executable that no deployment takes away.</summary>
    public string Executables => Path.Combine(Top, "bin");

    public string Journal => Path.Combine(Top, "journal");

    public void CheckRoot(IFileSystem files)
    {
        if (files.Status(root) is not { Kind: FileKind.Directory })
            throw new CredentialException($"{root} is not a directory. Nothing was changed. Write the Greengrass root after --root");
    }

    public void Ensure(IFileSystem files)
    {
        CheckRoot(files);
        // Passable: a nucleus that runs as a user of its own has to reach its credential below.
        GenerationDirectory.Ensure(files, Top, isForUs: false);
        GenerationDirectory.Ensure(files, Journal, isForUs: true);
    }
}
