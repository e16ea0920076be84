using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Tests.World;

internal sealed class StoredCertificate(Certificate certificate, string pem)
{
    public Certificate Certificate { get; } = certificate;

    public string Pem { get; set; } = pem;

    public bool IsActive { get; set; } = true;

    public DateTimeOffset CreatedAt { get; set; }

    public HashSet<string> Policies { get; } = [];

    public Dictionary<string, bool> Things { get; } = [];

    /// <summary>Detaching takes until then to arrive where deleting looks.</summary>
    public DateTimeOffset DetachedFrom { get; set; }
}

/// <summary>AWS IoT's registry and authority, with the errors that AWS has for each wrong order of steps.</summary>
internal sealed class InMemoryRegistry(IPortCalls calls, TimeProvider clock) : IRegistry, ICertificateIssuer
{
    private int _issued;

    public Dictionary<string, StoredCertificate> Certificates { get; } = [];

    public TimeSpan DetachTakes { get; set; }

    /// <summary>Certificates of a page of <see cref="ListNewestAsync"/>.</summary>
    public int PageSize { get; init; } = 250;

    public string? RefuseCsr { get; set; }

    /// <summary>Makes a real certificate of a CSR, for those who look into it.</summary>
    public Func<string, string>? Sign { get; init; }

    public IEnumerable<StoredCertificate> ActiveOf(string thing) => Certificates.Values.Where(c => c.IsActive && c.Things.ContainsKey(thing));

    public StoredCertificate Add(string? thing, bool exclusive = true, string policy = "GreengrassCorePolicy")
    {
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes((_issued++).ToString(CultureInfo.InvariantCulture))));
        return Register(id, $"certificate {id}", thing, exclusive, policy);
    }

    public StoredCertificate Register(string id, string pem, string? thing, bool exclusive = true, string policy = "GreengrassCorePolicy")
    {
        var stored = new StoredCertificate(new Certificate(id, $"arn:aws:iot:us-east-1:012345678901:cert/{id}"), pem) { CreatedAt = clock.GetUtcNow() };
        stored.Policies.Add(policy);
        if (thing is not null)
        {
            stored.Things.Add(thing, exclusive);
        }

        Certificates.Add(id, stored);
        return stored;
    }

    public Task<IssueOutcome> IssueAsync(IssueOrder order, CancellationToken cancellation) => calls.CallAsync<IssueOutcome>("iot.CreateCertificate", () =>
    {
        if (RefuseCsr is not null)
        {
            return new IssueOutcome.Refused(RefuseCsr);
        }

        var stored = Sign?.Invoke(order.CsrPem) is { } pem ? Register(IdOf(pem), pem, null) : Add(null);
        stored.Policies.Clear();
        return new IssueOutcome.Issued(stored.Certificate, stored.Pem);
    });

    /// <summary>As AWS IoT names a certificate: the hash of its DER.</summary>
    public static string IdOf(string pem) =>
        Convert.ToHexStringLower(SHA256.HashData(Convert.FromBase64String(pem[PemEncoding.Find(pem).Base64Data])));

    public Task<IReadOnlyList<ThingCertificate>> ListCertificatesAsync(string thing, CancellationToken cancellation) =>
        calls.CallAsync<IReadOnlyList<ThingCertificate>>("iot.ListThingPrincipals", () =>
            [.. Certificates.Values.Where(c => c.Things.ContainsKey(thing)).Select(c => new ThingCertificate(c.Certificate, c.Things[thing]))]);

    public Task<CertificatePage> ListNewestAsync(string? cursor, CancellationToken cancellation) => calls.CallAsync("iot.ListCertificates", () =>
    {
        var skipped = cursor is null ? 0 : int.Parse(cursor, CultureInfo.InvariantCulture);
        var page = Certificates.Values.OrderByDescending(c => c.CreatedAt).Skip(skipped).Take(PageSize)
            .Select(c => new CreatedCertificate(c.Certificate, c.CreatedAt)).ToList();
        var next = skipped + page.Count;
        return new CertificatePage(page, next < Certificates.Count ? next.ToString(CultureInfo.InvariantCulture) : null);
    });

    public Task<bool> IsAttachedAsync(Certificate certificate, CancellationToken cancellation) =>
        calls.CallAsync("iot.ListPrincipalThings", () => Certificates.TryGetValue(certificate.Id, out var c) && c.Things.Count > 0);

    public Task<RegisteredCertificate?> FindCertificateAsync(string certificateId, CancellationToken cancellation) =>
        calls.CallAsync("iot.DescribeCertificate", () =>
            Certificates.TryGetValue(certificateId, out var c) ? new RegisteredCertificate(certificateId, c.IsActive, c.Pem) : null);

    public Task<IReadOnlyList<string>> ListPoliciesAsync(Certificate certificate, CancellationToken cancellation) =>
        calls.CallAsync<IReadOnlyList<string>>("iot.ListAttachedPolicies", () => [.. Certificates[certificate.Id].Policies]);

    public Task AttachPolicyAsync(string policy, Certificate certificate, CancellationToken cancellation) =>
        calls.CallAsync("iot.AttachPolicy", () => Certificates[certificate.Id].Policies.Add(policy));

    public Task AttachExclusivelyAsync(string thing, Certificate certificate, CancellationToken cancellation) =>
        calls.CallAsync("iot.AttachThingPrincipal", () =>
        {
            var things = Certificates[certificate.Id].Things;
            if (things.Keys.Any(t => t != thing))
            {
                throw new DependencyException("iot", "AttachThingPrincipal", "InvalidRequestException", "attached elsewhere");
            }

            things[thing] = true;
        });

    public Task<bool> DeactivateAsync(Certificate certificate, CancellationToken cancellation) => calls.CallAsync("iot.UpdateCertificate", () =>
    {
        if (!Certificates.TryGetValue(certificate.Id, out var stored))
        {
            return false;
        }

        stored.IsActive = false;
        return true;
    });

    public Task DetachAsync(string thing, Certificate certificate, CancellationToken cancellation) => calls.CallAsync("iot.DetachThingPrincipal", () =>
    {
        // Of one that is gone, it is done.
        if (Certificates.TryGetValue(certificate.Id, out var stored) && stored.Things.Remove(thing))
        {
            stored.DetachedFrom = clock.GetUtcNow() + DetachTakes;
        }
    });

    public Task<DeleteOutcome> DeleteAsync(Certificate certificate, CancellationToken cancellation) => calls.CallAsync("iot.DeleteCertificate", () =>
    {
        if (!Certificates.TryGetValue(certificate.Id, out var stored))
        {
            return DeleteOutcome.Gone;
        }

        if (stored.IsActive)
        {
            return DeleteOutcome.StillActive;
        }

        if (stored.Things.Count > 0 || stored.DetachedFrom > clock.GetUtcNow())
        {
            return DeleteOutcome.StillAttached;
        }

        Certificates.Remove(certificate.Id);
        return DeleteOutcome.Gone;
    });
}
