using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Keyturn.Cli.Demo;

/// <summary>A core device of the demo, seen from its disk: what a technician would look at.</summary>
internal sealed record DemoDevice(string Thing, string Root)
{
    /// <summary>The id AWS IoT gives a certificate: the SHA-256 of its DER.</summary>
    public string ReadCertificateId()
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(SystemValue("certificateFilePath"));
        return Convert.ToHexStringLower(certificate.GetCertHash(HashAlgorithmName.SHA256));
    }

    /// <summary>Throws when key and certificate are no pair.</summary>
    public X509Certificate2 ReadCredential() =>
        X509Certificate2.CreateFromPemFile(SystemValue("certificateFilePath"), SystemValue("privateKeyPath"));

    /// <summary>The last word of the nucleus's transaction log about a key of its <c>system</c> section.</summary>
    private string SystemValue(string key)
    {
        var log = Path.Combine(Root, "config", "config.tlog");
        string? value = null;
        foreach (var line in File.ReadLines(log))
        {
            using var entry = JsonDocument.Parse(line);
            var path = entry.RootElement.GetProperty("TP");
            if (path.GetArrayLength() == 2 && path[0].GetString() == "system" && path[1].GetString() == key)
                value = entry.RootElement.GetProperty("V").GetString();
        }

        return value ?? throw new DemoFailedException($"{log} has no system.{key}");
    }
}
