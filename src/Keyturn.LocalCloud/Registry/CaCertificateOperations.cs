using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Pki;

namespace Keyturn.LocalCloud.Registry;

/// <summary>CAs of the account's own: registered with proof of their key, described, listed, switched off, deleted.</summary>
internal sealed class CaCertificateOperations(DeviceRegistry registry, TimeProvider time)
{
    private const int MostOfOneName = 10;
    private static readonly MemberRule Modes = new(values: ["DEFAULT", "SNI_ONLY"]);
    private static readonly MemberRule Statuses = new(values: ["ACTIVE", "INACTIVE"]);
    private static readonly MemberRule AutoRegistration = new(values: ["ENABLE", "DISABLE"]);

    private string? _code;

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "GetRegistrationCode", "GET", "/registrationcode", registry.Locked(_ => new JsonObject { ["registrationCode"] = Code })),
        new("iot", "DeleteRegistrationCode", "DELETE", "/registrationcode", registry.Locked(DeleteCode)),
        new("iot", "RegisterCACertificate", "POST", "/cacertificate", registry.Locked(Register)),
        new("iot", "DescribeCACertificate", "GET", "/cacertificate/{caCertificateId}", registry.Locked(Describe)),
        new("iot", "UpdateCACertificate", "PUT", "/cacertificate/{caCertificateId}", registry.Locked(Update)),
        new("iot", "DeleteCACertificate", "DELETE", "/cacertificate/{caCertificateId}", registry.Locked(Delete)),
        new("iot", "ListCACertificates", "GET", "/cacertificates", registry.Locked(List)),
        new("iot", "ListCertificatesByCA", "GET", "/certificates-by-ca/{caCertificateId}", registry.Locked(ListIssued)),
    ];

    /// <summary>The same until it is deleted.</summary>
    private string Code => _code ??= Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    private JsonNode? DeleteCode(ApiRequest request)
    {
        _code = null;
        return null;
    }

    private JsonNode Register(ApiRequest request)
    {
        var pem = request.RequiredText("caCertificate", Names.CertificatePem);
        var proof = request.Text("verificationCertificate", Names.CertificatePem);
        var mode = request.Text("certificateMode", Modes) ?? "DEFAULT";
        if (request.QueryFlag("allowAutoRegistration"))
            throw RequestMembers.Invalid("This cloud does not register certificates by itself when they first connect.");
        using var given = CertificatePem.Read(pem);
        if (given.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
            throw Invalid("The certificate is not a CA certificate: its basic constraints do not say so.");
        var now = time.GetUtcNow();
        if (given.NotAfter.ToUniversalTime() < now.UtcDateTime || given.NotBefore.ToUniversalTime() > now.UtcDateTime)
            throw Invalid("The CA certificate is not valid now.");
        if (mode == "SNI_ONLY" && proof is not null)
            throw RequestMembers.Invalid("With the certificate mode SNI_ONLY the verification certificate must be empty.");
        if (mode == "DEFAULT")
            CheckProof(given, proof ?? throw RequestMembers.Invalid("With the certificate mode DEFAULT the verification certificate must not be empty."));

        var id = Convert.ToHexStringLower(SHA256.HashData(given.RawData));
        if (registry.CaCertificates.TryGetValue(id, out var existing))
            throw DeviceRegistry.Exists("The CA certificate is already registered.", id, existing.Arn);
        if (registry.CaCertificates.Values.Count(c => c.Subject.AsSpan().SequenceEqual(given.SubjectName.RawData)) >= MostOfOneName)
            throw new ApiException(410, "LimitExceededException", $"At most {MostOfOneName} CA certificates of one subject can be registered.");
        var authority = new DeviceAuthority(id, given.ExportCertificatePem() + "\n", given.SubjectName.RawData, now)
        {
            IsActive = request.QueryFlag("setAsActive"),
            NotBefore = given.NotBefore.ToUniversalTime(),
            NotAfter = given.NotAfter.ToUniversalTime(),
            Mode = mode,
        };
        registry.CaCertificates.Add(id, authority);
        return Identity(authority);
    }

    /// <summary>Who registers a CA shows that its key is theirs: by signing the account's registration code.</summary>
    private void CheckProof(X509Certificate2 authority, string pem)
    {
        using var proof = CertificatePem.Read(pem);
        if (!CertificateSignature.IsBy(proof, authority))
            throw Invalid("The verification certificate is not signed by the CA certificate.");
        if (proof.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != Code)
            throw new ApiException(400, "RegistrationCodeValidationException", "The common name of the verification certificate is not the registration code.");
    }

    private JsonNode Describe(ApiRequest request)
    {
        var authority = Find(request);
        var description = Identity(authority);
        description["status"] = Status(authority);
        description["certificatePem"] = authority.Pem;
        description["ownedBy"] = CloudAccount.Local.Id;
        description["creationDate"] = DeviceRegistry.Epoch(authority.Created);
        description["autoRegistrationStatus"] = "DISABLE";
        description["lastModifiedDate"] = DeviceRegistry.Epoch(authority.Modified);
        description["customerVersion"] = authority.CustomerVersion;
        description["generationId"] = authority.GenerationId;
        description["validity"] = new JsonObject
        {
            ["notBefore"] = DeviceRegistry.Epoch(authority.NotBefore), ["notAfter"] = DeviceRegistry.Epoch(authority.NotAfter),
        };
        description["certificateMode"] = authority.Mode;
        return new JsonObject { ["certificateDescription"] = description, ["registrationConfig"] = new JsonObject() };
    }

    private JsonNode? Update(ApiRequest request)
    {
        var status = request.QueryText("newStatus", Statuses);
        if (request.QueryText("newAutoRegistrationStatus", AutoRegistration) == "ENABLE")
            throw RequestMembers.Invalid("This cloud does not register certificates by itself when they first connect.");
        var authority = Find(request);
        if (status is not null && status != Status(authority))
        {
            authority.IsActive = status == "ACTIVE";
            authority.Modified = time.GetUtcNow();
            authority.CustomerVersion++;
        }

        return null;
    }

    private JsonNode? Delete(ApiRequest request)
    {
        var authority = Find(request);
        if (authority.IsActive)
            throw new ApiException(406, "CertificateStateException", $"The CA certificate must be deactivated before deletion. (certificateId={authority.Id})");
        registry.CaCertificates.Remove(authority.Id);
        return null;
    }

    private JsonNode List(ApiRequest request) => request.MarkedPage(
        "certificates", request.QueryFlag("isAscendingOrder") ? registry.CaCertificates.Values : registry.CaCertificates.Values.Reverse(), a => a.Id, a =>
        {
            var shown = Identity(a);
            shown["status"] = Status(a);
            shown["creationDate"] = DeviceRegistry.Epoch(a.Created);
            return shown;
        });

    private JsonNode ListIssued(ApiRequest request)
    {
        var id = Id(request);
        return CertificateOperations.ShowPage(request, registry.Certificates.Values.Where(c => c.AuthorityId == id));
    }

    private DeviceAuthority Find(ApiRequest request)
    {
        var id = Id(request);
        return registry.CaCertificates.GetValueOrDefault(id) ?? throw DeviceRegistry.NotFound($"CA certificate {id} not found");
    }

    private static string Id(ApiRequest request) => request.Label("caCertificateId", Names.CertificateId).ToLowerInvariant();

    private static string Status(DeviceAuthority authority) => authority.IsActive ? "ACTIVE" : "INACTIVE";

    private static JsonObject Identity(DeviceAuthority authority) => new() { ["certificateArn"] = authority.Arn, ["certificateId"] = authority.Id };

    private static ApiException Invalid(string message) => new(400, "CertificateValidationException", message);
}
