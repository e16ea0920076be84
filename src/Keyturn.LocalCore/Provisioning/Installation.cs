using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Tokens;

namespace Keyturn.LocalCore.Provisioning;

/// <param name="IsFleetProvisioned">The nucleus starts without a credential's paths and is given them by its provisioning plugin.</param>
/// <param name="IsLiteral">interpolateComponentConfiguration is false, as it is unless somebody sets it.</param>
/// <param name="IsLite">Nucleus lite's, which is written elsewhere.</param>
internal sealed record InstallationKind(bool IsFleetProvisioned = false, bool IsLiteral = false, bool IsLite = false);

/// <summary>A Greengrass root directory as classic's installer leaves it.</summary>
internal static class Installation
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Readable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const int DefaultMqttPort = 8883;
    private const int DefaultDataPlanePort = 8443;

    public static bool Exists(string root) =>
        File.Exists(TransactionLog.PathIn(root)) || File.Exists(Path.Combine(root, "thingCert.crt")) || File.Exists(Path.Combine(root, "privKey.key"));

    public static void Write(string root, CoreIdentity core, TimeProvider time, InstallationKind? kind = null, TokenInstallation? token = null)
    {
        foreach (var directory in new[] { "config", "deployments", "logs", "packages/artifacts", "packages/artifacts-unarchived", "packages/recipes", "plugins", "work" })
            Directory.CreateDirectory(Path.Combine(root, directory));
        if (core.PrivateKeyPem is { } privateKey)
        {
            WriteFile(Path.Combine(root, "privKey.key"), privateKey, OwnerOnly);
            WriteFile(Path.Combine(root, "thingCert.crt"), core.CertificatePem, OwnerOnly);
        }
        token?.Store(core.CertificatePem);
        WriteFile(Path.Combine(root, "rootCA.pem"), core.RootCaPem, Readable);

        var store = new ConfigurationStore();
        var configuration = Configuration(root, core);
        configuration["services"]![NucleusSettings.Component]!["configuration"]!["interpolateComponentConfiguration"] = kind?.IsLiteral != true;
        if (kind?.IsFleetProvisioned == true)
            FleetProvisioning.Leave(root, configuration);
        store.Merge([], configuration, time.GetUtcNow().ToUnixTimeMilliseconds());
        if (token is not null)
            store.Merge([], InToken(token), time.GetUtcNow().ToUnixTimeMilliseconds());
        WriteFile(TransactionLog.PathIn(root), string.Concat(store.Snapshot().Select(e => e.ToLine() + "\n")), OwnerOnly);
        TransactionLog.WriteEffective(root, store);
    }

    private static JsonObject InToken(TokenInstallation token) => new()
    {
        ["system"] = new JsonObject
        {
            ["certificateFilePath"] = $"{Pkcs11Provider.Scheme}object={TokenInstallation.Label};type=cert",
            ["privateKeyPath"] = $"{Pkcs11Provider.Scheme}object={TokenInstallation.Label};type=private",
        },
        ["services"] = new JsonObject
        {
            [Pkcs11Provider.Component] = new JsonObject
            {
                ["componentType"] = "PLUGIN",
                ["configuration"] = new JsonObject
                {
                    ["library"] = token.Provider.Library,
                    ["name"] = "token",
                    ["slot"] = token.Provider.Slot,
                    ["userPin"] = token.Provider.UserPin,
                },
            },
        },
    };

    private static JsonObject Configuration(string root, CoreIdentity core)
    {
        var (dataHost, dataPort) = Split(core.DataEndpoint, DefaultMqttPort);
        var (planeHost, planePort) = Split(core.DataPlaneEndpoint, DefaultDataPlanePort);
        return new()
        {
            ["system"] = new JsonObject
            {
                ["certificateFilePath"] = Path.Combine(root, "thingCert.crt"),
                ["privateKeyPath"] = Path.Combine(root, "privKey.key"),
                ["rootCaPath"] = Path.Combine(root, "rootCA.pem"),
                ["rootpath"] = root,
                ["thingName"] = core.Thing,
            },
            ["services"] = new JsonObject
            {
                [NucleusSettings.Component] = new JsonObject
                {
                    ["componentType"] = "NUCLEUS",
                    ["configuration"] = new JsonObject
                    {
                        ["awsRegion"] = core.Region,
                        ["greengrassDataPlaneEndpoint"] = planeHost,
                        ["greengrassDataPlanePort"] = planePort,
                        ["iotCredEndpoint"] = core.CredentialEndpoint,
                        ["iotDataEndpoint"] = dataHost,
                        ["iotRoleAlias"] = TokenExchange.Alias,
                        ["mqtt"] = new JsonObject { ["port"] = dataPort },
                        ["networkProxy"] = new JsonObject { ["proxy"] = new JsonObject() },
                    },
                    ["dependencies"] = new JsonArray(),
                    ["version"] = NucleusSettings.Version,
                },
                ["main"] = new JsonObject
                {
                    ["dependencies"] = new JsonArray(NucleusSettings.Component),
                    ["lifecycle"] = new JsonObject(),
                },
            },
        };
    }

    /// <summary>AWS's endpoints are bare host names; a stand-in's carry a port.</summary>
    public static (string Host, int Port) Split(string endpoint, int fallback)
    {
        var colon = endpoint.LastIndexOf(':');
        return colon > 0 && int.TryParse(endpoint[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? (endpoint[..colon], port)
            : (endpoint, fallback);
    }

    private static void WriteFile(string path, string text, UnixFileMode mode)
    {
        using var stream = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode });
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }
}
