using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

/// <summary>
/// AWS IoT's own authority. The same CSR twice gives two certificates: the ledger sees to it that one is asked for. An order without an
/// answer is an error, after which the ledger suspects a certificate that nobody recorded.
/// </summary>
public sealed class IotIssuer(IotClient iot) : ICertificateIssuer
{
    public async Task<IssueOutcome> IssueAsync(IssueOrder order, CancellationToken cancellation)
    {
        try
        {
            var created = await Services.CallAsync(
                "iot", "CreateCertificateFromCsr", () => iot.CreateCertificateFromCsrAsync(order.CsrPem, setAsActive: true, cancellation));
            return new IssueOutcome.Issued(new Certificate(created.CertificateId, created.CertificateArn), created.CertificatePem);
        }
        catch (DependencyException exception) when (exception.Code == "InvalidRequestException")
        {
            return new IssueOutcome.Refused("AWS IoT does not sign it");
        }
    }
}
