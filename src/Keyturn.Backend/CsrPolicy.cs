using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;

namespace Keyturn.Backend;

/// <summary>What a CSR must be before anything is asked to sign it.</summary>
/// <param name="Allowed">Kinds of key that may be certified; narrower where a compliance rule says so.</param>
internal sealed record CsrPolicy(IReadOnlyCollection<KeyAlgorithm> Allowed)
{
    public static readonly CsrPolicy Default = new([.. KeyAlgorithm.All]);

    /// <summary>The common name of every certificate whose key AWS IoT made or whose CSR had none.</summary>
    private const string AwsIotCommonName = "AWS IoT Certificate";

    /// <summary>Names the fault, or returns the checked CSR.</summary>
    public CheckedCsr? Check(string pem, string thing, out string fault)
    {
        fault = "";
        if (pem.Length > WireLimits.CsrCharacters)
        {
            fault = $"it is longer than {WireLimits.CsrCharacters} characters";
            return null;
        }

        if (Decode(pem) is not { } der)
        {
            fault = "it is not one PEM block CERTIFICATE REQUEST and nothing else";
            return null;
        }

        if (Load(der) is not { } csr)
        {
            fault = "it is not a certificate signing request that its own key signed";
            return null;
        }

        if (csr.CertificateExtensions.Count > 0)
        {
            fault = "it requests extensions";
            return null;
        }

        var key = csr.PublicKey.ExportSubjectPublicKeyInfo();
        if (KindOf(csr.PublicKey, out fault) is not { } kind)
        {
            return null;
        }

        if (!Allowed.Contains(kind))
        {
            fault = $"a key of kind {kind} is not allowed here";
            return null;
        }

        if (IsFree(csr.SubjectName, thing) is not { } isFree)
        {
            fault = "its subject can't be read";
            return null;
        }

        var hash = SHA256.HashData(key);
        if (DebianKeys.Holds(hash))
        {
            fault = "its key is one that the OpenSSL of Debian of 2006 to 2008 made, so anybody can have it (CVE-2008-0166)";
            return null;
        }

        return new CheckedCsr(
            PemEncoding.WriteString("CERTIFICATE REQUEST", der), kind, Convert.ToHexStringLower(hash), csr.SubjectName, isFree);
    }

    /// <summary>The one block of the text, which must hold nothing else: what is checked here must be what the authority reads.</summary>
    private static byte[]? Decode(string pem)
    {
        if (!PemEncoding.TryFind(pem, out var fields)
            || pem[fields.Label] != "CERTIFICATE REQUEST"
            || pem.AsSpan()[..fields.Location.Start.Value].Trim().Length > 0
            || pem.AsSpan()[fields.Location.End.Value..].Trim().Length > 0)
        {
            return null;
        }

        return Convert.FromBase64String(pem[fields.Base64Data]);
    }

    /// <summary>Verifies the signature by the CSR's own key, of either padding if that is RSA.</summary>
    private static CertificateRequest? Load(byte[] der)
    {
        foreach (var padding in (RSASignaturePadding[])[RSASignaturePadding.Pkcs1, RSASignaturePadding.Pss])
        {
            try
            {
                var csr = CertificateRequest.LoadSigningRequest(
                    der, HashAlgorithmName.SHA256, out var consumed, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, padding);
                return consumed == der.Length ? csr : null;
            }
            catch (Exception exception) when (exception is CryptographicException or NotSupportedException)
            {
                // Tried with the other padding, then refused.
            }
        }

        return null;
    }

    /// <param name="publicKey">One that a signature was verified with, so it can be read.</param>
    internal static KeyAlgorithm? KindOf(PublicKey publicKey, out string fault)
    {
        using var rsa = publicKey.GetRSAPublicKey();
        if (rsa is not null)
        {
            // Of RSA keys the runtime reads other encodings too, and in each the same key would have another hash.
            if (!rsa.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(publicKey.ExportSubjectPublicKeyInfo()))
            {
                fault = "its RSA key is encoded in another way than the usual one";
                return null;
            }

            return KindOf(rsa, out fault);
        }

        using var ecdsa = publicKey.GetECDsaPublicKey();
        if (ecdsa is null)
        {
            fault = "its key is neither RSA nor ECDSA";
            return null;
        }

        var curve = ecdsa.ExportParameters(false).Curve;
        var kind = curve.IsNamed ? KeyAlgorithm.All.FirstOrDefault(a => !a.IsRsa && OidOf(a) == curve.Oid.Value) : null;
        fault = kind is null ? "its curve is none of P-256, P-384 and P-521" : "";
        return kind;
    }

    private static KeyAlgorithm? KindOf(RSA rsa, out string fault)
    {
        var parameters = rsa.ExportParameters(false);
        if (!parameters.Exponent.AsSpan().SequenceEqual((ReadOnlySpan<byte>)[1, 0, 1]))
        {
            fault = "its RSA exponent is not 65537";
            return null;
        }

        var kind = KeyAlgorithm.All.FirstOrDefault(a => a.IsRsa && a.Bits == rsa.KeySize);
        fault = kind is null
            ? $"an RSA key of {rsa.KeySize} bits is none of {string.Join(", ", KeyAlgorithm.All.Where(a => a.IsRsa))}"
            : WeakModulus.FaultOf(parameters.Modulus) ?? "";
        return fault.Length == 0 ? kind : null;
    }

    private static string OidOf(KeyAlgorithm kind) => kind.Bits switch
    {
        256 => "1.2.840.10045.3.1.7",
        384 => "1.3.132.0.34",
        _ => "1.3.132.0.35",
    };

    /// <summary>A subject that says nothing, or only what the cloud knows anyway. Null when it can't be told what it says.</summary>
    private static bool? IsFree(X500DistinguishedName subject, string thing)
    {
        if (subject.RawData.AsSpan().SequenceEqual((ReadOnlySpan<byte>)[0x30, 0]))
        {
            return true;
        }

        try
        {
            var names = subject.EnumerateRelativeDistinguishedNames().ToArray();
            return names is [{ HasMultipleElements: false } only]
                && only.GetSingleElementType().Value == "2.5.4.3"
                && only.GetSingleElementValue() is { } name
                && (name == thing || name == AwsIotCommonName);
        }
        catch (CryptographicException)
        {
            // The runtime reads a name's parts when asked for them: that it took the CSR says nothing of them.
            return null;
        }
    }
}

/// <param name="Pem">Encoded anew from what was checked.</param>
/// <param name="KeyHash">SHA-256 of the SubjectPublicKeyInfo, lower-case hex.</param>
/// <param name="SubjectIsFree">The subject names nobody else. If not, it must be that of the certificate in use.</param>
internal sealed record CheckedCsr(string Pem, KeyAlgorithm Kind, string KeyHash, X500DistinguishedName Subject, bool SubjectIsFree)
{
    public bool HasSubjectOf(string certificatePem)
    {
        using var certificate = X509Certificate2.CreateFromPem(certificatePem);
        return certificate.SubjectName.RawData.AsSpan().SequenceEqual(Subject.RawData);
    }
}
