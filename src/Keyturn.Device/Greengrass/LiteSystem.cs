using Greengrass.Ipc;
using Keyturn.Device.Credentials;

namespace Keyturn.Device.Greengrass;

/// <summary>What nucleus lite says under <c>system</c>: the running one over IPC, or, where none can be asked, its files.</summary>
internal static class LiteSystem
{
    /// <summary>Where nucleus lite is configured, whatever its root.</summary>
    public const string Directory = "/etc/greengrass";

    /// <summary>Of its socket under the root; classic's is <c>ipc.socket</c>.</summary>
    private const string Socket = "gg-ipc.socket";

    private static readonly string[] Keys = ["privateKeyPath", "certificateFilePath", "rootCaPath", "thingName"];

    public static bool IsServedAt(string socketPath) => Path.GetFileName(socketPath) == Socket;

    /// <summary>Longer messages would end the connection; here they end in a reason.</summary>
    public static GreengrassIpcOptions Limit(GreengrassIpcOptions ipc) => new()
    {
        SocketPath = ipc.SocketPath,
        AuthToken = ipc.AuthToken,
        ComponentName = ipc.ComponentName,
        TimeProvider = ipc.TimeProvider,
        MaxMessageBytes = GreengrassIpcOptions.NucleusLiteMaxMessageBytes,
    };

    /// <exception cref="CredentialException">Its credential is not in files.</exception>
    public static async Task<SystemConfiguration> AskAsync(GreengrassIpcOptions ipc, CancellationToken cancellation)
    {
        var client = await GreengrassIpcClient.ConnectAsync(ipc, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            var values = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var key in Keys)
                values[key] = await client.GetSystemConfigAsync(key, cancellation).ConfigureAwait(false);
            return From(values, "nucleus lite");
        }
    }

    /// <summary>The configuration files that are of this root; nothing when there are none. A later one replaces what an earlier one says.</summary>
    public static SystemConfiguration? Read(string root, string directory)
    {
        var more = Path.Combine(directory, "config.d");
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        string[] fragments = System.IO.Directory.Exists(more) ? System.IO.Directory.GetFiles(more, "*.yaml") : [];
        foreach (var file in fragments.Order(StringComparer.Ordinal).Prepend(Path.Combine(directory, "config.yaml")).Where(File.Exists))
        {
            foreach (var (key, value) in SystemConfiguration.ReadSection(file))
                values[key] = value;
        }
        return values.TryGetValue("rootPath", out var of) && Path.TrimEndingDirectorySeparator(of) == Path.TrimEndingDirectorySeparator(root)
            ? From(values, directory)
            : null;
    }

    private static SystemConfiguration From(Dictionary<string, string> values, string source)
    {
        return new SystemConfiguration(FileAt("privateKeyPath"), FileAt("certificateFilePath"), SystemConfiguration.PathOf(Needed("rootCaPath")), Needed("thingName"), IsLite: true);

        string Needed(string key) => values.TryGetValue(key, out var value) && value.Length > 0
            ? value
            : throw new CredentialException($"{source} does not name system.{key}. Nothing was changed. Is this core provisioned?");

        // The value itself stays out of the message: a URI of a token may carry its PIN.
        string FileAt(string key) => SystemConfiguration.PathOf(Needed(key)) is var path && Path.IsPathRooted(path)
            ? path
            : throw new CredentialException(
                $"{source} names no absolute path of a file as system.{key}: on nucleus lite keys and certificates in files can be rotated, and none in a token or behind an "
                + "OpenSSL provider. Nothing was changed. Take the device out of the deployment");
    }
}
