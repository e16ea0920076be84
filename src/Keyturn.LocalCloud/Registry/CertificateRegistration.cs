using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Pki;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Certificates of other issuers: of a registered CA, or of none.</summary>
internal sealed class CertificateRegistration(DeviceRegistry registry, CertificateOperations certificates, TimeProvider time)
{
    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "RegisterCertificate", "POST", "/certificate/register", registry.Locked(Register)),
        new("iot", "RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca", registry.Locked(RegisterWithoutCa)),
    ];

    private JsonNode RegisterWithoutCa(ApiRequest request)
    {
        var pem = request.RequiredText("certificatePem", Names.CertificatePem);
        var status = CertificateOperations.RegistrationStatus(request);
        using var given = CertificatePem.Read(pem);
        return CertificateOperations.Identity(certificates.Add(given, status, null, "SNI_ONLY"));
    }

    private JsonNode Register(ApiRequest request)
    {
        var pem = request.RequiredText("certificatePem", Names.CertificatePem);
        var authorityPem = request.Text("caCertificatePem", Names.CertificatePem);
        var status = CertificateOperations.RegistrationStatus(request);
        using var given = CertificatePem.Read(pem);
        var authority = authorityPem is null ? ByIssuer(given) : ById(authorityPem);
        if (!authority.IsActive)
            throw new ApiException(406, "CertificateStateException", $"The CA certificate is not ACTIVE. (certificateId={authority.Id})");
        using var issuer = X509Certificate2.CreateFromPem(authority.Pem);
        if (!CertificateSignature.IsBy(given, issuer))
            throw Invalid("The certificate is not signed by the CA certificate.");
        if (given.NotAfter.ToUniversalTime() < time.GetUtcNow().UtcDateTime)
            throw Invalid("The certificate has expired.");
        return CertificateOperations.Identity(certificates.Add(given, status, authority.Id, authority.Mode));
    }

    private DeviceAuthority ById(string pem)
    {
        using var given = CertificatePem.Read(pem);
        return registry.CaCertificates.GetValueOrDefault(Convert.ToHexStringLower(SHA256.HashData(given.RawData)))
            ?? throw Invalid("The CA certificate is not registered.");
    }

    /// <summary>The caller may leave the CA out while only one has its name.</summary>
    private DeviceAuthority ByIssuer(X509Certificate2 certificate) =>
        registry.CaCertificates.Values.Where(c => c.Subject.AsSpan().SequenceEqual(certificate.IssuerName.RawData)).Take(2).ToList() switch
        {
            [var only] => only,
            [] => throw Invalid("The CA certificate of the certificate's issuer is not registered."),
            _ => throw new ApiException(409, "CertificateConflictException", "Several CA certificates have the issuer's name: pass caCertificatePem."),
        };

    private static ApiException Invalid(string message) => new(400, "CertificateValidationException", message);
}
