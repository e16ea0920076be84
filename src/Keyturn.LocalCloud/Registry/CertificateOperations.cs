using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Pki;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Device certificates: made, registered, described, listed, switched on and off, deleted.</summary>
internal sealed class CertificateOperations(DeviceRegistry registry, Authorities authorities, TimeProvider time)
{
    private long _sequence;

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "CreateKeysAndCertificate", "POST", "/keys-and-certificate", CreateWithKeys),
        new("iot", "CreateCertificateFromCsr", "POST", "/certificates", CreateFromCsr),
        new("iot", "DescribeCertificate", "GET", "/certificates/{certificateId}", registry.Locked(Describe)),
        new("iot", "ListCertificates", "GET", "/certificates", registry.Locked(List)),
        new("iot", "UpdateCertificate", "PUT", "/certificates/{certificateId}", Update),
        new("iot", "DeleteCertificate", "DELETE", "/certificates/{certificateId}", Delete),
    ];

    private ValueTask<ApiResponse> CreateWithKeys(ApiRequest request, CancellationToken cancellation)
    {
        var active = request.QueryFlag("setAsActive");
        using var key = RSA.Create(2048);
        var answer = Issue(new PublicKey(key), active);
        answer["keyPair"] = new JsonObject
        {
            ["PublicKey"] = key.ExportSubjectPublicKeyInfoPem() + "\n",
            ["PrivateKey"] = key.ExportRSAPrivateKeyPem() + "\n",
        };
        return ValueTask.FromResult(new ApiResponse(Json: answer));
    }

    private ValueTask<ApiResponse> CreateFromCsr(ApiRequest request, CancellationToken cancellation)
    {
        var active = request.QueryFlag("setAsActive");
        var csr = request.RequiredText("certificateSigningRequest", Names.Csr);
        var (key, problem) = SigningRequest.Read(csr);
        return key is null
            ? throw RequestMembers.Invalid($"The certificate signing request is invalid: {problem}.")
            : ValueTask.FromResult(new ApiResponse(Json: Issue(key, active)));
    }

    private JsonObject Issue(PublicKey key, bool active)
    {
        using var issued = authorities.IssueDevice(key);
        lock (registry.Gate)
        {
            var certificate = Add(issued, active ? "ACTIVE" : "INACTIVE", null, "DEFAULT");
            var answer = Identity(certificate);
            answer["certificatePem"] = certificate.Pem;
            return answer;
        }
    }

    public Certificate Add(X509Certificate2 given, string status, string? authorityId, string mode)
    {
        var id = Convert.ToHexStringLower(SHA256.HashData(given.RawData));
        if (registry.Certificates.TryGetValue(id, out var existing))
            throw DeviceRegistry.Exists("The certificate is already registered.", id, existing.Arn);
        var certificate = new Certificate(id, given.ExportCertificatePem() + "\n", authorityId, time.GetUtcNow())
        {
            Status = status,
            NotBefore = given.NotBefore.ToUniversalTime(),
            NotAfter = given.NotAfter.ToUniversalTime(),
            Mode = mode,
            Sequence = ++_sequence,
        };
        registry.Certificates.Add(id, certificate);
        return certificate;
    }

    public static string RegistrationStatus(ApiRequest request) => request.Text("status", Names.CertificateStatus) switch
    {
        null => request.QueryFlag("setAsActive") ? "ACTIVE" : "INACTIVE",
        "ACTIVE" => "ACTIVE",
        "INACTIVE" or "REGISTER_INACTIVE" => "INACTIVE",
        "REVOKED" => "REVOKED",
        var other => throw RequestMembers.Invalid($"A certificate can't be registered with the status {other}."),
    };

    private JsonNode Describe(ApiRequest request)
    {
        var certificate = registry.Certificate(Id(request));
        var description = Identity(certificate);
        description["status"] = certificate.Status;
        description["certificatePem"] = certificate.Pem;
        description["ownedBy"] = CloudAccount.Local.Id;
        description["creationDate"] = DeviceRegistry.Epoch(certificate.Created);
        description["lastModifiedDate"] = DeviceRegistry.Epoch(certificate.Modified);
        description["customerVersion"] = certificate.CustomerVersion;
        description["transferData"] = new JsonObject();
        description["generationId"] = certificate.GenerationId;
        description["validity"] = new JsonObject
        {
            ["notBefore"] = DeviceRegistry.Epoch(certificate.NotBefore),
            ["notAfter"] = DeviceRegistry.Epoch(certificate.NotAfter),
        };
        description["certificateMode"] = certificate.Mode;
        if (certificate.AuthorityId is not null)
            description["caCertificateId"] = certificate.AuthorityId;
        return new JsonObject { ["certificateDescription"] = description };
    }

    private JsonNode List(ApiRequest request) => ShowPage(request, registry.Certificates.Values);

    /// <summary>Newest first, unless the caller wants it the other way round.</summary>
    public static JsonObject ShowPage(ApiRequest request, IEnumerable<Certificate> certificates) => request.MarkedPage(
        "certificates", request.QueryFlag("isAscendingOrder") ? certificates : certificates.Reverse(), c => $"{c.Sequence:D12}",
        c =>
        {
            var shown = Identity(c);
            shown["status"] = c.Status;
            shown["certificateMode"] = c.Mode;
            shown["creationDate"] = DeviceRegistry.Epoch(c.Created);
            return shown;
        });

    private ValueTask<ApiResponse> Update(ApiRequest request, CancellationToken cancellation)
    {
        var id = Id(request);
        var status = request.QueryText("newStatus", Names.CertificateStatus) ?? throw RequestMembers.Missing("newStatus");
        if (status is not ("ACTIVE" or "INACTIVE" or "REVOKED"))
            throw RequestMembers.Invalid($"The status {status} can't be set.");
        bool retired;
        lock (registry.Gate)
        {
            var certificate = registry.Certificate(id);
            retired = certificate.IsActive && status != "ACTIVE";
            if (certificate.Status != status)
            {
                certificate.Status = status;
                certificate.Modified = time.GetUtcNow();
                certificate.CustomerVersion++;
            }
        }

        if (retired)
            registry.RaiseCertificateRetired(id);
        return ValueTask.FromResult(new ApiResponse());
    }

    private ValueTask<ApiResponse> Delete(ApiRequest request, CancellationToken cancellation)
    {
        var id = Id(request);
        var force = request.QueryFlag("forceDelete");
        lock (registry.Gate)
        {
            var certificate = registry.Certificate(id);
            if (certificate.IsActive)
                throw new ApiException(406, "CertificateStateException", $"The certificate must be deactivated before deletion. (certificateId={id})");
            if (certificate.Things.Count > 0)
                throw DeviceRegistry.Conflict($"Things must be detached before deletion (arn: {certificate.Arn})");
            if (!force && certificate.Policies.Count > 0)
                throw DeviceRegistry.Conflict($"Certificate policies must be detached before deletion (arn: {certificate.Arn})");
            registry.Certificates.Remove(id);
        }

        registry.RaiseCertificateRetired(id);
        return ValueTask.FromResult(new ApiResponse());
    }

    private static string Id(ApiRequest request)
    {
        var id = request.Label("certificateId", Names.CertificateId);
        return id.ToLowerInvariant();
    }

    public static JsonObject Identity(Certificate certificate) =>
        new() { ["certificateArn"] = certificate.Arn, ["certificateId"] = certificate.Id };
}
