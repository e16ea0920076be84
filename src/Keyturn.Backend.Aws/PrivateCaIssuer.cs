using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

/// <summary>
/// AWS Private CA signs, AWS IoT registers without that authority. An order repeated within five minutes gives the same certificate,
/// wherever the one before was broken off; after that another, and the one before is found by the sweep.
/// </summary>
public sealed class PrivateCaIssuer(AcmPcaClient authority, IotClient iot, PrivateCaSettings settings, TimeProvider clock) : ICertificateIssuer
{
    /// <summary>Common names hold 64 characters, names of things 128.</summary>
    private const int CommonNameCharacters = 64;

    private const string AlreadyRegistered = "ResourceAlreadyExistsException";

    /// <summary>Errors that asking again won't cure: the CSR's, the settings' or the authority's.</summary>
    private static readonly string[] Final =
    [
        "MalformedCSRException", "InvalidArgsException", "InvalidArnException", "InvalidStateException", "ResourceNotFoundException", "ValidationException",
    ];

    /// <summary>Signing mostly takes less than a second. Together less than a function has, so that the next invocation goes on.</summary>
    private static readonly TimeSpan[] Pauses = [.. new[] { 200, 400, 800, 1600, 3000, 3000, 3000, 3000, 3000, 3000 }.Select(ms => TimeSpan.FromMilliseconds(ms))];

    public async Task<IssueOutcome> IssueAsync(IssueOrder order, CancellationToken cancellation)
    {
        string pem;
        try
        {
            var arn = await Services.CallAsync("acm-pca", "IssueCertificate", () => authority.IssueCertificateAsync(BodyOf(order), cancellation));
            pem = await WaitAsync(arn, cancellation);
        }
        catch (DependencyException exception) when (Final.Contains(exception.Code))
        {
            return new IssueOutcome.Refused($"AWS Private CA does not sign it: {exception.Code}: {exception.InnerException?.Message}");
        }

        return new IssueOutcome.Issued(await RegisterAsync(pem, cancellation), pem);
    }

    private IssueCertificateBody BodyOf(IssueOrder order) => new(
        settings.AuthorityArn, Encoding.ASCII.GetBytes(order.CsrPem), settings.SigningAlgorithm, new PcaValidity(settings.ValidityInDays, "DAYS"),
        order.RotationId, settings.TemplateArn,
        settings.TakesSubject ? new PcaApiPassthrough(new PcaSubject(order.Thing.Length <= CommonNameCharacters ? order.Thing : order.RotationId)) : null);

    private async Task<string> WaitAsync(string certificateArn, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await Services.CallAsync(
                    "acm-pca", "GetCertificate", () => authority.GetCertificateAsync(settings.AuthorityArn, certificateArn, cancellation));
            }
            catch (DependencyException exception) when (exception.Code == "RequestInProgressException" && attempt < Pauses.Length)
            {
                await Task.Delay(Pauses[attempt], clock, cancellation);
            }
        }
    }

    private async Task<Certificate> RegisterAsync(string pem, CancellationToken cancellation)
    {
        try
        {
            var registered = await Services.CallAsync(
                "iot", "RegisterCertificateWithoutCA", () => iot.RegisterCertificateWithoutCaAsync(pem, "ACTIVE", cancellation));
            return new Certificate(registered.CertificateId, registered.CertificateArn);
        }
        catch (DependencyException exception) when (exception.Code == AlreadyRegistered)
        {
            // By an invocation that was broken off after this step, and may have made it INACTIVE again.
            var found = await Services.CallAsync("iot", "DescribeCertificate", () => iot.DescribeCertificateAsync(IdOf(pem), cancellation));
            if (found.Status != "ACTIVE")
            {
                await Services.CallAsync("iot", "UpdateCertificate", () => iot.UpdateCertificateAsync(found.CertificateId, "ACTIVE", cancellation));
            }

            return new Certificate(found.CertificateId, found.CertificateArn);
        }
    }

    /// <summary>As AWS IoT names it: the SHA-256 of the DER.</summary>
    private static string IdOf(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    }
}

/// <param name="SigningAlgorithm">One of the six: SHA256WITHRSA … SHA512WITHECDSA, of the authority's own key type.</param>
/// <param name="ValidityInDays">At most 7 for an authority in short-lived mode.</param>
/// <param name="TemplateArn">Null: the authority's default, EndEntityCertificate/V1.</param>
public sealed record PrivateCaSettings(string AuthorityArn, string SigningAlgorithm, long ValidityInDays, string? TemplateArn)
{
    public static readonly IReadOnlyList<string> SigningAlgorithms =
    [
        "SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA", "SHA256WITHECDSA", "SHA384WITHECDSA", "SHA512WITHECDSA",
    ];

    /// <summary>
    /// Templates of this kind take the subject from the order, whatever the CSR says. With all others it is the CSR's, which names
    /// nobody but the thing.
    /// </summary>
    public bool TakesSubject => TemplateArn?.Contains("APIPassthrough", StringComparison.Ordinal) == true;
}
