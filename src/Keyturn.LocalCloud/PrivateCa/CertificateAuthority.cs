using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>One private CA: its key, its own certificate, and what it has issued.</summary>
internal sealed class CertificateAuthority(string arn, string type, JsonObject configuration, AsymmetricAlgorithm key, DateTimeOffset created) : IDisposable
{
    public string Arn { get; } = arn;

    /// <summary>ROOT or SUBORDINATE.</summary>
    public string Type { get; } = type;

    /// <summary>As CreateCertificateAuthority took it: key algorithm, signing algorithm, subject.</summary>
    public JsonObject Configuration { get; } = configuration;

    public string KeyAlgorithm => Configuration[nameof(KeyAlgorithm)]!.GetValue<string>();

    public AsymmetricAlgorithm Key { get; } = key;

    public required string UsageMode { get; init; }

    public bool IsShortLived => UsageMode == "SHORT_LIVED_CERTIFICATE";

    public required string KeyStorage { get; init; }

    public JsonObject? Revocation { get; set; }

    public DateTimeOffset Created { get; } = created;

    public DateTimeOffset Changed { get; private set; } = created;

    /// <summary>PENDING_CERTIFICATE, ACTIVE, DISABLED or DELETED; EXPIRED follows from the certificate.</summary>
    public string Status { get; private set; } = "PENDING_CERTIFICATE";

    public DateTimeOffset? RestorableUntil { get; set; }

    public X509Certificate2? Certificate { get; private set; }

    /// <summary>PEM of the authorities above it; null for a root.</summary>
    public string? Chain { get; private set; }

    /// <summary>Whether the CSR was asked for before: the first time it is still being made.</summary>
    public bool CsrIsReady { get; set; }

    public Dictionary<string, IssuedCertificate> Issued { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, string?> Tags { get; } = new(StringComparer.Ordinal);

    public string StatusAt(DateTimeOffset now) =>
        Status is "ACTIVE" or "DISABLED" && Certificate is { } own && own.NotAfter.ToUniversalTime() < now.UtcDateTime ? "EXPIRED" : Status;

    public void Move(string status, DateTimeOffset now) => (Status, Changed) = (status, now);

    public void Install(X509Certificate2 certificate, string? chain, DateTimeOffset now)
    {
        Certificate?.Dispose();
        (Certificate, Chain) = (certificate, chain);
        Move("ACTIVE", now);
    }

    /// <summary>A copy of its public half, for comparing.</summary>
    public byte[] PublicKeyInfo => Key is RSA rsa ? rsa.ExportSubjectPublicKeyInfo() : ((ECDsa)Key).ExportSubjectPublicKeyInfo();

    public PublicKey PublicKey => Key is RSA rsa ? new PublicKey(rsa) : new PublicKey((ECDsa)Key);

    public void Dispose()
    {
        Key.Dispose();
        Certificate?.Dispose();
    }
}

/// <summary>A certificate that the CA signed. Its serial number, in lower-case hex, ends its ARN.</summary>
internal sealed class IssuedCertificate(string arn, string serial, string pem, DateTimeOffset notAfter)
{
    public string Arn { get; } = arn;

    public string Serial { get; } = serial;

    public string Pem { get; } = pem;

    public DateTimeOffset NotAfter { get; } = notAfter;

    /// <summary>Issuing takes a moment on AWS: whoever asks at once is told to ask again.</summary>
    public bool WasAskedFor { get; set; }

    public string? RevocationReason { get; set; }
}
