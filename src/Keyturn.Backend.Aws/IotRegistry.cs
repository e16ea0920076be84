using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

public sealed class IotRegistry(IotClient iot) : IRegistry
{
    private const string Service = "iot";

    /// <summary>Principals are ARNs; those of certificates end in <c>:cert/</c> and the id.</summary>
    private const string CertificateResource = ":cert/";

    public async Task<IReadOnlyList<ThingCertificate>> ListCertificatesAsync(string thing, CancellationToken cancellation)
    {
        List<ThingCertificate> certificates = [];
        string? next = null;
        do
        {
            ListThingPrincipalsResult page;
            try
            {
                page = await Services.CallAsync(
                    Service, "ListThingPrincipalsV2", () => iot.ListThingPrincipalsV2Async(thing, next, cancellation));
            }
            catch (DependencyException exception) when (exception.Code == Services.NotFound)
            {
                return [];
            }

            foreach (var (arn, type) in page.ThingPrincipalObjects)
            {
                if (arn.LastIndexOf(CertificateResource, StringComparison.Ordinal) is >= 0 and var at)
                {
                    certificates.Add(new ThingCertificate(
                        new Certificate(arn[(at + CertificateResource.Length)..], arn), type == "EXCLUSIVE_THING"));
                }
            }

            next = page.NextToken;
        }
        while (!string.IsNullOrEmpty(next));
        return certificates;
    }

    public async Task<CertificatePage> ListNewestAsync(string? cursor, CancellationToken cancellation)
    {
        var page = await Services.CallAsync(Service, "ListCertificates", () => iot.ListCertificatesAsync(cursor, cancellation));
        return new CertificatePage(
            [.. page.Certificates.Select(c => new CreatedCertificate(
                new Certificate(c.CertificateId, c.CertificateArn), DateTimeOffset.UnixEpoch.AddSeconds(c.CreationDate)))],
            string.IsNullOrEmpty(page.NextMarker) ? null : page.NextMarker);
    }

    public async Task<bool> IsAttachedAsync(Certificate certificate, CancellationToken cancellation)
    {
        string? next = null;
        do
        {
            var page = await Services.CallAsync(
                Service, "ListPrincipalThingsV2", () => iot.ListPrincipalThingsV2Async(certificate.Arn, next, cancellation));
            if (page.PrincipalThingObjects.Count > 0)
            {
                return true;
            }

            // A page may be empty and not the last.
            next = page.NextToken;
        }
        while (!string.IsNullOrEmpty(next));
        return false;
    }

    public async Task<RegisteredCertificate?> FindCertificateAsync(string certificateId, CancellationToken cancellation)
    {
        try
        {
            var found = await Services.CallAsync(
                Service, "DescribeCertificate", () => iot.DescribeCertificateAsync(certificateId, cancellation));
            return new RegisteredCertificate(certificateId, found.Status == "ACTIVE", found.CertificatePem ?? "");
        }
        catch (DependencyException exception) when (exception.Code == Services.NotFound)
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<string>> ListPoliciesAsync(Certificate certificate, CancellationToken cancellation)
    {
        List<string> policies = [];
        string? marker = null;
        do
        {
            var page = await Services.CallAsync(
                Service, "ListAttachedPolicies", () => iot.ListAttachedPoliciesAsync(certificate.Arn, marker, cancellation));
            policies.AddRange(page.Policies.Select(p => p.PolicyName));
            marker = page.NextMarker;
        }
        while (!string.IsNullOrEmpty(marker));
        return policies;
    }

    public Task AttachPolicyAsync(string policy, Certificate certificate, CancellationToken cancellation) =>
        Services.CallAsync(Service, "AttachPolicy", () => iot.AttachPolicyAsync(policy, certificate.Arn, cancellation));

    public Task AttachExclusivelyAsync(string thing, Certificate certificate, CancellationToken cancellation) =>
        Services.CallAsync(
            Service, "AttachThingPrincipal", () => iot.AttachThingPrincipalAsync(thing, certificate.Arn, "EXCLUSIVE_THING", cancellation));

    public async Task<bool> DeactivateAsync(Certificate certificate, CancellationToken cancellation) =>
        await Services.TryAsync(
            Service, "UpdateCertificate", () => iot.UpdateCertificateAsync(certificate.Id, "INACTIVE", cancellation), Services.NotFound) is null;

    public Task DetachAsync(string thing, Certificate certificate, CancellationToken cancellation) =>
        Services.TryAsync(
            Service, "DetachThingPrincipal", () => iot.DetachThingPrincipalAsync(thing, certificate.Arn, cancellation), Services.NotFound);

    public async Task<DeleteOutcome> DeleteAsync(Certificate certificate, CancellationToken cancellation) =>
        await Services.TryAsync(
            Service, "DeleteCertificate", () => iot.DeleteCertificateAsync(certificate.Id, forceDelete: true, cancellation),
            Services.NotFound, "DeleteConflictException", "CertificateStateException") switch
        {
            "DeleteConflictException" => DeleteOutcome.StillAttached,
            "CertificateStateException" => DeleteOutcome.StillActive,
            _ => DeleteOutcome.Gone,
        };
}
