using Greengrass.Ipc;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Greengrass;

/// <summary>The store that the nucleus's configuration asks for: by the form of <c>system.privateKeyPath</c> and <c>system.certificateFilePath</c>.</summary>
internal static class CredentialStores
{
    /// <param name="isWindows">Where this runs, if nothing is said.</param>
    public static ICredentialStore Open(
        SystemConfiguration system, IFileSystem files, StateDirectories directories, Func<Pkcs11Options> pkcs11, ILogger? log = null, bool? isWindows = null)
    {
        if (system.TokenLabel is not { } label)
            return new FileCredentialStore(files, system.Paths, directories.Credentials, log: log, nucleusIsAnother: system.IsLite);
        // CK_ULONG is half as long there and structures are packed: a module called as elsewhere would run wild.
        return isWindows ?? OperatingSystem.IsWindows()
            ? throw new CredentialException("key and certificate are in a PKCS#11 token, and on Windows only those in files can be rotated. Nothing was changed. Take the device out of the deployment")
            : new Pkcs11CredentialStore(Token.At(pkcs11()), new TokenRoles(label), new RotationFiles(files, directories.Credentials));
    }

    /// <summary>As the running nucleus has it; where that does not say, as its log does.</summary>
    public static async Task<Pkcs11Options> AskAsync(GreengrassIpcClient client, string root, CancellationToken cancellation)
    {
        try
        {
            return Pkcs11Options.From(await client.GetConfigurationAsync(Pkcs11Options.Component, cancellationToken: cancellation).ConfigureAwait(false));
        }
        catch (Exception e) when (e is GreengrassIpcException or TimeoutException)
        {
            return Pkcs11Log.Read(root);
        }
    }
}
