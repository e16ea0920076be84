using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCloud.Pki;

/// <summary>The two trust anchors of AWS IoT: the one behind its servers, and the one that signs device certificates.</summary>
internal sealed class Authorities : IDisposable
{
    private static readonly DateTimeOffset EndOfDeviceCertificates = new(2049, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private readonly TimeProvider _time;
    private readonly RSA _deviceAuthorityKey = RSA.Create(2048);
    private readonly X509Certificate2 _deviceAuthority;

    /// <param name="rsaServer">Whether the server and its root have RSA keys, as Amazon Root CA 1 has, or elliptic ones, as Amazon Root CA 3.</param>
    public Authorities(TimeProvider time, bool rsaServer)
    {
        _time = time;
        var now = time.GetUtcNow();
        using var rootKey = MakeKey(rsaServer);
        var root = Request("CN=Keyturn LocalCloud Root CA, O=Keyturn", rootKey);
        BeAuthority(root);
        using var rootCertificate = root.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        RootPem = rootCertificate.ExportCertificatePem() + "\n";
        Server = IssueServer(rootCertificate, rsaServer, now);

        // The reference tells certificates of AWS IoT from those of a private CA by this issuer.
        // All of it is one organizational unit, equals signs and all.
        var issuer = new X500DistinguishedNameBuilder();
        issuer.AddOrganizationalUnitName("Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US");
        var device = new CertificateRequest(issuer.Build(), _deviceAuthorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        BeAuthority(device);
        _deviceAuthority = device.CreateSelfSigned(now.AddDays(-1), EndOfDeviceCertificates);
    }

    /// <summary>What clients trust: root-ca.pem.</summary>
    public string RootPem { get; }

    public X509Certificate2 Server { get; }

    /// <summary>A certificate as AWS IoT issues it: SHA256WITHRSA, a subject of its own choice, until the end of 2049.</summary>
    public X509Certificate2 IssueDevice(PublicKey key)
    {
        var request = new CertificateRequest(
            new X500DistinguishedName("CN=AWS IoT Certificate"), key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_deviceAuthority, true, false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        return request.Create(
            _deviceAuthority.SubjectName, X509SignatureGenerator.CreateForRSA(_deviceAuthorityKey, RSASignaturePadding.Pkcs1),
            _time.GetUtcNow().AddMinutes(-2), EndOfDeviceCertificates, Serial());
    }

    public void Dispose()
    {
        Server.Dispose();
        _deviceAuthority.Dispose();
        _deviceAuthorityKey.Dispose();
    }

    private static X509Certificate2 IssueServer(X509Certificate2 root, bool rsa, DateTimeOffset now)
    {
        using var key = MakeKey(rsa);
        var request = Request("CN=localhost", key);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(root, true, false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            rsa ? X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment : X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        using var certificate = request.Create(root, now.AddDays(-1), now.AddYears(5), Serial());
        return key is RSA made ? certificate.CopyWithPrivateKey(made) : certificate.CopyWithPrivateKey((ECDsa)key);
    }

    private static AsymmetricAlgorithm MakeKey(bool rsa) => rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CertificateRequest Request(string name, AsymmetricAlgorithm key) => key is RSA rsa
        ? new(name, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        : new(name, (ECDsa)key, HashAlgorithmName.SHA256);

    private static void BeAuthority(CertificateRequest request)
    {
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
    }

    /// <summary>20 octets, positive, unique: the same CSR twice gives two certificates.</summary>
    private static byte[] Serial()
    {
        var serial = RandomNumberGenerator.GetBytes(20);
        serial[0] = (byte)(serial[0] & 0x7F | 0x40);
        return serial;
    }
}
