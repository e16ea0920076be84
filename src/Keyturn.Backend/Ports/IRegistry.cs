namespace Keyturn.Backend.Ports;

/// <summary>Things, their certificates and policies. Every operation may be repeated.</summary>
public interface IRegistry
{
    /// <summary>All certificates attached to the thing, of every page. Principals of other kinds are left out.</summary>
    Task<IReadOnlyList<ThingCertificate>> ListCertificatesAsync(string thing, CancellationToken cancellation);

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
