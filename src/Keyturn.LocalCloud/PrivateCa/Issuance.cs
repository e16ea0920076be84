using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Pki;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>IssueCertificate, GetCertificate, RevokeCertificate.</summary>
internal sealed class Issuance(AuthorityStore store, TimeProvider time)
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ShortLife = TimeSpan.FromDays(7);
    private static readonly MemberRule Token = new(1, 36);
    private static readonly MemberRule Reason = new(values:
        ["UNSPECIFIED", "KEY_COMPROMISE", "CERTIFICATE_AUTHORITY_COMPROMISE", "AFFILIATION_CHANGED", "SUPERSEDED", "CESSATION_OF_OPERATION", "PRIVILEGE_WITHDRAWN", "A_A_COMPROMISE"]);

    private readonly Dictionary<(string Authority, string Token), (DateTimeOffset At, string Request, string Arn)> _tokens = [];

    public IEnumerable<ApiOperation> All =>
    [
        ValidationErrors.Json("acm-pca", "IssueCertificate", Issue),
        ValidationErrors.Json("acm-pca", "GetCertificate", Get),
        ValidationErrors.Json("acm-pca", "RevokeCertificate", Revoke),
    ];

    /// <summary>16 octets, positive.</summary>
    public static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x7F | 0x40);
        return serial;
    }

    private JsonNode Issue(ApiRequest request)
    {
        var arn = request.RequiredText("CertificateAuthorityArn");
        var csr = Blob(request, "Csr");
        var algorithm = request.RequiredText("SigningAlgorithm", SigningAlgorithm.Rule);
        var validity = request.Object("Validity") ?? throw RequestMembers.Missing("validity");
        var token = request.Text("IdempotencyToken", Token);
        var now = time.GetUtcNow();
        lock (store.Gate)
        {
            var authority = store.Find(arn);
            var template = CertificateTemplate.Find(request.Text("TemplateArn"));
            if (token is not null && Earlier(arn, token, request, now) is { } known)
                return new JsonObject { ["CertificateArn"] = known };
            CheckState(authority, template, now);
            SigningAlgorithm.CheckFamily(algorithm, authority.KeyAlgorithm);
            var until = Validity.Read(validity, now);
            var from = request.Object("ValidityNotBefore") is { } start ? NotBefore(start, now) : now.AddMinutes(-60);
            CheckValidity(authority, template, from, until, now);
            var issued = Sign(authority, template, csr, algorithm, request.Object("ApiPassthrough"), from, until);
            authority.Issued.Add(issued.Serial, issued);
            if (token is not null)
                _tokens[(arn, token)] = (now, request.Json.ToJsonString(), issued.Arn);
            return new JsonObject { ["CertificateArn"] = issued.Arn };
        }
    }

    /// <summary>The certificate of an earlier call with this token; the same token for something else is refused.</summary>
    private string? Earlier(string authority, string token, ApiRequest request, DateTimeOffset now)
    {
        if (!_tokens.TryGetValue((authority, token), out var known) || now - known.At >= TokenLifetime)
            return null;
        return known.Request == request.Json.ToJsonString()
            ? known.Arn
            : throw PcaErrors.InvalidArgs("The idempotency token was used within the last five minutes for a request with other parameters.");
    }

    private static void CheckState(CertificateAuthority authority, CertificateTemplate template, DateTimeOffset now)
    {
        var status = authority.StatusAt(now);
        var first = status == "PENDING_CERTIFICATE" && authority.Type == "ROOT" && template.IsRoot;
        if (status != "ACTIVE" && !first)
            throw PcaErrors.InvalidState($"The certificate authority is not in a valid state for issuing certificates: {status}.");
    }

    private static void CheckValidity(CertificateAuthority authority, CertificateTemplate template, DateTimeOffset from, DateTimeOffset until, DateTimeOffset now)
    {
        if (until <= now || until <= from)
            throw RequestMembers.Invalid("The end of the validity is not after its beginning.");
        if (until.Year > 9999)
            throw PcaErrors.InvalidArgs("The validity is beyond what a certificate can hold.");
        if (authority.IsShortLived && !template.IsRoot && until - now > ShortLife)
            throw RequestMembers.Invalid("The certificate validity specified exceeds the seven days that a CA of the mode SHORT_LIVED_CERTIFICATE can issue for.");
        if (authority.Certificate is { } own && !template.IsRoot && until.UtcDateTime > own.NotAfter.ToUniversalTime())
            throw RequestMembers.Invalid("The certificate validity specified exceeds the certificate authority validity.");
    }

    private static DateTimeOffset NotBefore(JsonObject start, DateTimeOffset now) => start.Text("acm-pca", "Type") == "ABSOLUTE"
        ? Validity.Read(start, now)
        : throw PcaErrors.InvalidArgs("ValidityNotBefore takes the type ABSOLUTE only.");

    private static IssuedCertificate Sign(
        CertificateAuthority authority, CertificateTemplate template, byte[] csr, string algorithm, JsonObject? passthrough, DateTimeOffset from, DateTimeOffset until)
    {
        var (asked, problem) = SigningRequest.ReadWhole(Encoding.Latin1.GetString(csr));
        if (asked is null)
            throw PcaErrors.MalformedCsr(problem);
        if (template.IsRoot && !asked.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(authority.PublicKeyInfo))
            throw PcaErrors.InvalidArgs("A root CA certificate is issued for the CSR of the CA itself.");
        var request = new CertificateRequest(
            template.SubjectOf(passthrough, asked.SubjectName), asked.PublicKey, SigningAlgorithm.Hash(algorithm), RSASignaturePadding.Pkcs1);
        template.Fill(request, authority.PublicKey, passthrough, asked.CertificateExtensions);
        if (request.SubjectName.RawData.Length <= 2 && request.CertificateExtensions.All(e => e.Oid?.Value != "2.5.29.17"))
            throw PcaErrors.MalformedCsr("it has neither a subject nor a subject alternative name");
        var serial = NewSerial();
        var issuer = template.IsRoot ? request.SubjectName : authority.Certificate!.SubjectName;
        using var certificate = request.Create(issuer, SigningAlgorithm.Generator(authority.Key), from, until, serial);
        var id = Convert.ToHexStringLower(serial);
        return new IssuedCertificate($"{authority.Arn}/certificate/{id}", id, certificate.ExportCertificatePem(), until);
    }

    private JsonNode Get(ApiRequest request)
    {
        var authorityArn = request.RequiredText("CertificateAuthorityArn");
        var arn = request.RequiredText("CertificateArn");
        lock (store.Gate)
        {
            var authority = store.Find(authorityArn);
            if (!arn.StartsWith(authority.Arn + "/certificate/", StringComparison.Ordinal))
                throw PcaErrors.InvalidArn(arn);
            if (authority.Status == "DELETED")
                throw PcaErrors.InvalidState("The certificate authority is DELETED.");
            var issued = authority.Issued.GetValueOrDefault(arn[(arn.LastIndexOf('/') + 1)..]) ?? throw PcaErrors.NotFound(arn);
            if (!issued.WasAskedFor)
            {
                issued.WasAskedFor = true;
                throw PcaErrors.InProgress("The request to issue the certificate is still in progress. Try again later.");
            }

            var answer = new JsonObject { ["Certificate"] = issued.Pem };
            if (authority.Certificate is { } own)
                answer["CertificateChain"] = own.ExportCertificatePem() + (authority.Chain is { } chain ? "\n" + chain : "");
            return answer;
        }
    }

    private JsonNode? Revoke(ApiRequest request)
    {
        var serial = request.RequiredText("CertificateSerial", new MemberRule(0, 128)).Replace(":", "", StringComparison.Ordinal).ToLowerInvariant();
        var reason = request.RequiredText("RevocationReason", Reason);
        lock (store.Gate)
        {
            var authority = store.Find(request.RequiredText("CertificateAuthorityArn"));
            if (authority.StatusAt(time.GetUtcNow()) is not ("ACTIVE" or "DISABLED") and var status)
                throw PcaErrors.InvalidState($"The certificate authority is not in a valid state for revoking certificates: {status}.");
            var issued = authority.Issued.GetValueOrDefault(serial.TrimStart('0')) ?? throw PcaErrors.NotFound($"a certificate with the serial number {serial}");
            if (issued.RevocationReason is not null)
                throw new ApiException(400, "RequestAlreadyProcessedException", "The certificate has been revoked before.");
            issued.RevocationReason = reason;
            return null;
        }
    }

    /// <summary>A blob member: base64 in JSON.</summary>
    public static byte[] Blob(ApiRequest request, string name)
    {
        var text = request.RequiredText(name);
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length)
            ? bytes[..length]
            : throw RequestBody.Malformed("acm-pca", $"'{name}' is not base64.");
    }
}
