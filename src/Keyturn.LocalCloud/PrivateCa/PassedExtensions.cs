using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>The extensions of an ApiPassthrough.</summary>
internal static class PassedExtensions
{
    private static readonly string[] Known = ["KeyUsage", "ExtendedKeyUsage", "SubjectAlternativeNames", "CustomExtensions"];

    private static readonly Dictionary<string, X509KeyUsageFlags> KeyUsages = new(StringComparer.Ordinal)
    {
        ["DigitalSignature"] = X509KeyUsageFlags.DigitalSignature,
        ["NonRepudiation"] = X509KeyUsageFlags.NonRepudiation,
        ["KeyEncipherment"] = X509KeyUsageFlags.KeyEncipherment,
        ["DataEncipherment"] = X509KeyUsageFlags.DataEncipherment,
        ["KeyAgreement"] = X509KeyUsageFlags.KeyAgreement,
        ["KeyCertSign"] = X509KeyUsageFlags.KeyCertSign,
        ["CRLSign"] = X509KeyUsageFlags.CrlSign,
        ["EncipherOnly"] = X509KeyUsageFlags.EncipherOnly,
        ["DecipherOnly"] = X509KeyUsageFlags.DecipherOnly,
    };

    private static readonly Dictionary<string, string> Usages = new(StringComparer.Ordinal)
    {
        ["SERVER_AUTH"] = "1.3.6.1.5.5.7.3.1",
        ["CLIENT_AUTH"] = "1.3.6.1.5.5.7.3.2",
        ["CODE_SIGNING"] = "1.3.6.1.5.5.7.3.3",
        ["EMAIL_PROTECTION"] = "1.3.6.1.5.5.7.3.4",
        ["TIME_STAMPING"] = "1.3.6.1.5.5.7.3.8",
        ["OCSP_SIGNING"] = "1.3.6.1.5.5.7.3.9",
    };

    public static IReadOnlyList<X509Extension> Read(JsonObject extensions)
    {
        if (extensions.FirstOrDefault(e => !Known.Contains(e.Key)).Key is { } unknown)
            throw PcaErrors.InvalidArgs($"This cloud does not pass {unknown} through.");
        var read = new List<X509Extension>();
        try
        {
            if (extensions.Object("acm-pca", "KeyUsage") is { } usage)
                read.Add(new X509KeyUsageExtension(KeyUsages.Where(k => usage.Flag("acm-pca", k.Key) == true).Aggregate(X509KeyUsageFlags.None, (all, k) => all | k.Value), true));
            if (extensions.Array("acm-pca", "ExtendedKeyUsage") is { } usages)
                read.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(u => new Oid(UsageOid(Structure(u))))], false));
            if (extensions.Array("acm-pca", "SubjectAlternativeNames") is { } names)
                read.Add(AlternativeNames(names));
            foreach (var custom in extensions.Array("acm-pca", "CustomExtensions") ?? [])
            {
                var members = Structure(custom);
                read.Add(new X509Extension(Required(members, "ObjectIdentifier"), Convert.FromBase64String(Required(members, "Value")), members.Flag("acm-pca", "Critical") ?? false));
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException or CryptographicException)
        {
            throw PcaErrors.InvalidArgs("An extension of ApiPassthrough can't be encoded.");
        }

        return read;
    }

    private static X509Extension AlternativeNames(JsonArray names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            var members = Structure(name);
            if (members.Text("acm-pca", "DnsName") is { } dns)
                builder.AddDnsName(dns);
            else if (members.Text("acm-pca", "UniformResourceIdentifier") is { } uri)
                builder.AddUri(new Uri(uri));
            else if (members.Text("acm-pca", "IpAddress") is { } address)
                builder.AddIpAddress(IPAddress.Parse(address));
            else if (members.Text("acm-pca", "Rfc822Name") is { } mail)
                builder.AddEmailAddress(mail);
            else
                throw PcaErrors.InvalidArgs("An alternative name is a DnsName, UniformResourceIdentifier, IpAddress or Rfc822Name here.");
        }

        return builder.Build();
    }

    private static string UsageOid(JsonObject usage) =>
        usage.Text("acm-pca", "ExtendedKeyUsageObjectIdentifier")
        ?? (usage.Text("acm-pca", "ExtendedKeyUsageType") is { } type && Usages.TryGetValue(type, out var oid) ? oid : null)
        ?? throw PcaErrors.InvalidArgs("An extended key usage has neither a type that this cloud knows nor an object identifier.");

    private static JsonObject Structure(JsonNode? node) => node as JsonObject ?? throw RequestBody.Malformed("acm-pca", "A list of structures holds something else.");

    private static string Required(JsonObject members, string name) => members.Text("acm-pca", name) ?? throw RequestMembers.Missing(name);
}
