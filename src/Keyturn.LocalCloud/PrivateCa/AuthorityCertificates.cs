using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Pki;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>An authority's own certificate: its CSR, the import, the export.</summary>
internal sealed class AuthorityCertificates(AuthorityStore store, TimeProvider time)
{
    public IEnumerable<ApiOperation> All =>
    [
        ValidationErrors.Json("acm-pca", "GetCertificateAuthorityCsr", Csr),
        ValidationErrors.Json("acm-pca", "ImportCertificateAuthorityCertificate", Import),
        ValidationErrors.Json("acm-pca", "GetCertificateAuthorityCertificate", Get),
    ];

    private JsonNode Csr(ApiRequest request)
    {
        lock (store.Gate)
        {
            var authority = Find(request);
            if (authority.Status == "DELETED")
                throw PcaErrors.InvalidState("The certificate authority is DELETED.");
            if (!authority.CsrIsReady)
            {
                authority.CsrIsReady = true;
                throw PcaErrors.InProgress("The certificate authority is being created. Try again later.");
            }

            var algorithm = authority.Configuration["SigningAlgorithm"]!.GetValue<string>();
            var csr = new CertificateRequest(
                Subject.Read(authority.Configuration["Subject"]!.AsObject()), authority.PublicKey, SigningAlgorithm.Hash(algorithm), RSASignaturePadding.Pkcs1);
            csr.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
            var der = csr.CreateSigningRequest(SigningAlgorithm.Generator(authority.Key));
            return new JsonObject { ["Csr"] = PemEncoding.WriteString("CERTIFICATE REQUEST", der) + "\n" };
        }
    }

    private JsonNode? Import(ApiRequest request)
    {
        var pem = Encoding.Latin1.GetString(Issuance.Blob(request, "Certificate"));
        var chain = request.Text("CertificateChain") is null ? null : Encoding.Latin1.GetString(Issuance.Blob(request, "CertificateChain"));
        lock (store.Gate)
        {
            var authority = Find(request);
            var now = time.GetUtcNow();
            if (authority.StatusAt(now) is not ("PENDING_CERTIFICATE" or "ACTIVE" or "DISABLED" or "EXPIRED") and var status)
                throw PcaErrors.InvalidState($"No certificate can be imported into a certificate authority that is {status}.");
            var certificate = Read(pem) ?? throw Malformed("The certificate can't be read.");
            try
            {
                Check(authority, certificate, chain, now);
                authority.Install(certificate, chain?.Trim(), now);
                return null;
            }
            catch (ApiException)
            {
                certificate.Dispose();
                throw;
            }
        }
    }

    private static void Check(CertificateAuthority authority, X509Certificate2 certificate, string? chain, DateTimeOffset now)
    {
        if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(authority.PublicKeyInfo))
            throw new ApiException(400, "CertificateMismatchException", "The certificate's key is not the key of the certificate authority.");
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
            throw Malformed("The certificate is not a certificate of an authority: its basic constraints do not say CA.");
        if (certificate.NotAfter.ToUniversalTime() <= now.UtcDateTime)
            throw Malformed("The certificate has expired.");
        if (authority.Type == "ROOT")
        {
            if (chain is not null)
                throw new ApiException(400, "InvalidRequestException", "A root certificate authority has no certificate chain.");
            if (!CertificateSignature.IsBy(certificate, certificate))
                throw Malformed("A root's certificate is signed by its own key.");
            return;
        }

        if (chain is null)
            throw new ApiException(400, "InvalidRequestException", "A subordinate certificate authority needs the certificate chain of its parent.");
        using var parent = Read(chain) ?? throw Malformed("The certificate chain can't be read.");
        if (!CertificateSignature.IsBy(certificate, parent))
            throw Malformed("The certificate is not signed by the first certificate of the chain.");
    }

    private JsonNode Get(ApiRequest request)
    {
        lock (store.Gate)
        {
            var authority = Find(request);
            if (authority.Certificate is not { } certificate || authority.Status == "DELETED")
                throw PcaErrors.InvalidState($"The certificate authority has no certificate to give: it is {authority.Status}.");
            var answer = new JsonObject { ["Certificate"] = certificate.ExportCertificatePem() };
            if (authority.Chain is { } chain)
                answer["CertificateChain"] = chain;
            return answer;
        }
    }

    private CertificateAuthority Find(ApiRequest request) => store.Find(request.RequiredText("CertificateAuthorityArn"));

    private static X509Certificate2? Read(string pem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(pem);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static ApiException Malformed(string message) => new(400, "MalformedCertificateException", message);
}
