using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Keyturn.Cli.Demo;

/// <summary>A core device of the demo, seen from its disk: what a technician would look at.</summary>
internal sealed record DemoDevice(string Thing, string Root)
{
    public bool IsInToken => SystemValue("privateKeyPath").StartsWith("pkcs11:", StringComparison.Ordinal);

    /// <summary>The id AWS IoT gives a certificate: the SHA-256 of its DER.</summary>
    public string ReadCertificateId()
    {
        using var certificate = IsInToken
            ? new DemoToken(this).ReadCertificate(SystemValue("certificateFilePath"))
            : X509CertificateLoader.LoadCertificateFromFile(SystemValue("certificateFilePath"));
        return Convert.ToHexStringLower(certificate.GetCertHash(HashAlgorithmName.SHA256));
    }

    /// <summary>Throws when key and certificate are no pair. A key in a token stays there: then only the certificate is read.</summary>
    public X509Certificate2 ReadCredential() => IsInToken
        ? new DemoToken(this).ReadCertificate(SystemValue("certificateFilePath"))
        : X509Certificate2.CreateFromPemFile(SystemValue("certificateFilePath"), SystemValue("privateKeyPath"));

    /// <summary>The last word of the nucleus's transaction log about a key.</summary>
    public string ConfigurationValue(params string[] key)
    {
        var log = Path.Combine(Root, "config", "config.tlog");
        string? value = null;
        foreach (var line in File.ReadLines(log))
        {
            using var entry = JsonDocument.Parse(line);
            var path = entry.RootElement.GetProperty("TP").EnumerateArray().Select(part => part.GetString());
            if (path.SequenceEqual(key) && entry.RootElement.TryGetProperty("V", out var found))
                value = found.ToString();
        }

        return value ?? throw new DemoFailedException($"{log} has no {string.Join('.', key)}");
    }

    private string SystemValue(string key) => ConfigurationValue("system", key);
}
