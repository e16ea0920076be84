using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCloud.Tests.Mqtt;

/// <summary>A certificate authority with EC keys, made once for all tests.</summary>
internal sealed class TestPki
{
    public static readonly TestPki Shared = new("Test root");
    public static readonly TestPki Foreign = new("Somebody else");

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private TestPki(string name)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        Root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(5));
        Server = Issue("CN=localhost", forServer: true);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2 Server { get; }

    public X509Certificate2 Issue(string subject, bool forServer = false, bool expired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        if (forServer)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        }

        var end = expired ? DateTimeOffset.UtcNow.AddHours(-1) : DateTimeOffset.UtcNow.AddYears(1);
        using var bare = request.Create(
            Root.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), DateTimeOffset.UtcNow.AddHours(-2), end,
            RandomNumberGenerator.GetBytes(16));
        using var full = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(full.Export(X509ContentType.Pfx), null);
    }
}
