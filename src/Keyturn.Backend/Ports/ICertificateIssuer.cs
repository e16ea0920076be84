namespace Keyturn.Backend.Ports;

/// <summary>Turns a CSR into a certificate that is registered and ACTIVE, attached to nothing yet.</summary>
public interface ICertificateIssuer
{
    Task<IssueOutcome> IssueAsync(IssueOrder order, CancellationToken cancellation);
}

/// <param name="RotationId">The same for a repeated order: an issuer that can, answers with the same certificate.</param>
public sealed record IssueOrder(string Thing, string RotationId, string CsrPem);

public abstract record IssueOutcome
{
    /// <param name="Pem">The leaf alone.</param>
    public sealed record Issued(Certificate Certificate, string Pem) : IssueOutcome;

    /// <summary>The authority will not sign this CSR, now or later.</summary>
    public sealed record Refused(string Reason) : IssueOutcome;
}
