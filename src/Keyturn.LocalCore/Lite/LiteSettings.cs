using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Lite;

/// <summary>What lite's configuration file says that its daemons live by. They read it when they start.</summary>
internal sealed class LiteSettings(string root)
{
    public const string Component = "aws.greengrass.NucleusLite";
    public const string Version = "2.6.0";

    private readonly JsonObject document = YamlText.Read(File.ReadAllText(PathIn(root))) as JsonObject
        ?? throw new InvalidDataException($"{PathIn(root)} holds no mapping");

    public static string PathIn(string root) => Path.Combine(root, "config.yaml");

    public JsonObject Document => (JsonObject)document.DeepClone();

    public string Root => root;

    public string ThingName => System("thingName");

    public string CertificatePath => System("certificateFilePath");

    public string PrivateKeyPath => System("privateKeyPath");

    public string RootCaPath => System("rootCaPath");

    public string Region => Nucleus("awsRegion")?.ToString() ?? "";

    public string DataEndpoint => Nucleus("iotDataEndpoint")?.ToString() ?? "";

    /// <summary>AWS's port, unless this is a stand-in's.</summary>
    public int MqttPort => int.TryParse((Nucleus("mqtt") as JsonObject)?["port"]?.ToString(), CultureInfo.InvariantCulture, out var port) ? port : 8883;

    /// <summary>Null when there is no such key.</summary>
    public string? Find(string key) => document["system"]?[key]?.ToString();

    private string System(string key) => Find(key) ?? throw new InvalidDataException($"{PathIn(root)} names no system.{key}");

    private JsonNode? Nucleus(string key) => document["services"]?[Component]?["configuration"]?[key];
}
