using System.Globalization;
using Keyturn.LocalCore.Tokens;

namespace Keyturn.LocalCore.Configuration;

/// <summary>The configuration values that the nucleus itself lives by, read when asked for.</summary>
internal sealed class NucleusSettings(ConfigurationStore store, string root)
{
    public const string Component = "aws.greengrass.Nucleus";
    public const string Version = "2.18.0";

    public string Root { get; } = root;

    public string ThingName => store.ReadString("system", "thingName") ?? "";

    public string CertificatePath => FilePath("certificateFilePath");

    public string PrivateKeyPath => FilePath("privateKeyPath");

    public string RootCaPath => FilePath("rootCaPath");

    /// <exception cref="TokenException">The provider is not configured.</exception>
    public Pkcs11Provider Pkcs11Provider => Pkcs11Provider.From(store);

    public string Region => Nucleus("awsRegion") ?? "";

    public string DataEndpoint => Nucleus("iotDataEndpoint") ?? "";

    /// <summary>Host and port of the Greengrass data plane; the value iotdata means AWS IoT's own host.</summary>
    public string DataPlaneEndpoint =>
        $"{(Nucleus("greengrassDataPlaneEndpoint") is { Length: > 0 } host && host != "iotdata" ? host : DataEndpoint)}:{Number(8443, "greengrassDataPlanePort")}";

    public string CredentialEndpoint => Nucleus("iotCredEndpoint") ?? "";

    public string RoleAlias => Nucleus("iotRoleAlias") ?? "";

    public int MqttPort => Number(8883, "mqtt", "port");

    public TimeSpan MqttOperationTimeout => TimeSpan.FromMilliseconds(Number(30_000, "mqtt", "operationTimeoutMs"));

    public TimeSpan MqttKeepAlive => TimeSpan.FromMilliseconds(Number(60_000, "mqtt", "keepAliveTimeoutMs"));

    public TimeSpan MqttSocketTimeout => TimeSpan.FromMilliseconds(Number(3_000, "mqtt", "socketTimeoutMs"));

    public uint MqttSessionExpirySeconds => (uint)Number(10_080, "mqtt", "sessionExpirySeconds");

    public TimeSpan MinimumReconnectDelay => TimeSpan.FromSeconds(Number(1, "mqtt", "minimumReconnectDelaySeconds"));

    public TimeSpan MaximumReconnectDelay => TimeSpan.FromSeconds(Number(120, "mqtt", "maximumReconnectDelaySeconds"));

    public int MaxMessageBytes => Number(128 * 1024, "mqtt", "maxMessageSizeInBytes");

    public int MaxSpoolBytes => Number(2_621_440, "mqtt", "spooler", "maxSizeInBytes");

    public bool KeepQos0WhenOffline =>
        string.Equals(Nucleus("mqtt", "spooler", "keepQos0WhenOffline"), "true", StringComparison.OrdinalIgnoreCase);

    private string FilePath(string name)
    {
        var value = store.ReadString("system", name) ?? "";
        return value.StartsWith("file:", StringComparison.Ordinal) ? new Uri(value).LocalPath : value;
    }

    private string? Nucleus(params string[] path) => store.ReadString(["services", Component, "configuration", .. path]);

    private int Number(int fallback, params string[] path) =>
        int.TryParse(Nucleus(path), NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) ? value : fallback;
}
