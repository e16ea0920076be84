namespace Keyturn.Backend.Ports;

/// <summary>Things, their certificates and policies. Every operation may be repeated.</summary>
public interface IRegistry
{
    /// <summary>All certificates attached to the thing, of every page; none when there is no such thing. Principals of other kinds are left out.</summary>
    Task<IReadOnlyList<ThingCertificate>> ListCertificatesAsync(string thing, CancellationToken cancellation);

    /// <summary>One page of all certificates of the account, the newest first.</summary>
    /// <param name="cursor">Of the page before; null for the first.</param>
    Task<CertificatePage> ListNewestAsync(string? cursor, CancellationToken cancellation);

    /// <summary>Whether any thing has it.</summary>
    Task<bool> IsAttachedAsync(Certificate certificate, CancellationToken cancellation);

    /// <summary>Null when there is no such certificate.</summary>
    Task<RegisteredCertificate?> FindCertificateAsync(string certificateId, CancellationToken cancellation);

    /// <summary>Names of the policies attached to the certificate itself, of every page.</summary>
    Task<IReadOnlyList<string>> ListPoliciesAsync(Certificate certificate, CancellationToken cancellation);

    Task AttachPolicyAsync(string policy, Certificate certificate, CancellationToken cancellation);

    /// <summary>Attaches the certificate to this thing and to no other, ever.</summary>
    Task AttachExclusivelyAsync(string thing, Certificate certificate, CancellationToken cancellation);

    /// <summary>Makes it INACTIVE. False when there is no such certificate.</summary>
    Task<bool> DeactivateAsync(Certificate certificate, CancellationToken cancellation);

    Task DetachAsync(string thing, Certificate certificate, CancellationToken cancellation);

    /// <summary>Deletes an inactive, detached certificate with whatever policies it has.</summary>
    Task<DeleteOutcome> DeleteAsync(Certificate certificate, CancellationToken cancellation);
}

public sealed record Certificate(string Id, string Arn);

/// <param name="Cursor">For the next page; null after the last.</param>
public sealed record CertificatePage(IReadOnlyList<CreatedCertificate> Certificates, string? Cursor);

public sealed record CreatedCertificate(Certificate Certificate, DateTimeOffset CreatedAt);

/// <param name="IsExclusive">It can be attached to no other thing.</param>
public sealed record ThingCertificate(Certificate Certificate, bool IsExclusive);

public sealed record RegisteredCertificate(string CertificateId, bool IsActive, string Pem);

public enum DeleteOutcome
{
    /// <summary>Deleted now or before.</summary>
    Gone,

    /// <summary>Still attached to a thing. Detaching is asynchronous, so this passes when it was detached a moment ago.</summary>
    StillAttached,

    /// <summary>It is ACTIVE.</summary>
    StillActive,
}
