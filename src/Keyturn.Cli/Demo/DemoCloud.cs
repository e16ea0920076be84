using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Cli.Demo;

/// <summary>Where the local cloud listens, as it says itself.</summary>
internal sealed record DemoCloud(Uri Api, string MqttHost, int MqttPort, Uri Management, string RootCaFile)
{
    public static DemoCloud Parse(IReadOnlyList<string> announced)
    {
        var mqtt = Value("mqtt");
        var colon = mqtt.LastIndexOf(':');
        return new DemoCloud(
            new Uri(Value("api")),
            mqtt[..colon],
            int.Parse(mqtt[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture),
            new Uri(Value("management")),
            Value("root-ca"));

        string Value(string name) =>
            announced.FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal))?[(name.Length + 1)..].Trim()
            ?? throw new DemoFailedException($"local-cloud did not say where its '{name}' is; is it of the same build? Nothing was rotated.");
    }

    public X509Certificate2Collection RootCa()
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(RootCaFile);
        return roots;
    }
}
