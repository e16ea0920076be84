using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>AWS Private CA: issuing. JSON 1.1; names and members are those of the public API model of 2017-08-22.</summary>
public sealed class AcmPcaClient : AwsServiceClient
{
    public AcmPcaClient()
        : base(Settings())
    {
    }

    public AcmPcaClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <exception cref="AmazonServiceException">MalformedCSRException, InvalidArgsException, InvalidStateException, LimitExceededException …</exception>
    public async Task<string> IssueCertificateAsync(IssueCertificateBody order, CancellationToken cancellation) =>
        (await CallAsync("IssueCertificate", order, AcmPcaJson.Default.IssueCertificateBody, AcmPcaJson.Default.IssueCertificateResult, cancellation)
            .ConfigureAwait(false)).CertificateArn;

    /// <summary>The leaf, PEM.</summary>
    /// <exception cref="AmazonServiceException">RequestInProgressException until it is made …</exception>
    public async Task<string> GetCertificateAsync(string authorityArn, string certificateArn, CancellationToken cancellation) =>
        (await CallAsync(
            "GetCertificate", new GetCertificateBody(authorityArn, certificateArn), AcmPcaJson.Default.GetCertificateBody,
            AcmPcaJson.Default.GetCertificateResult, cancellation).ConfigureAwait(false)).Certificate;

    private Task<TResult> CallAsync<TBody, TResult>(
        string operation, TBody body, JsonTypeInfo<TBody> type, JsonTypeInfo<TResult> resultType, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest(operation, "POST", "/")
                .Header("X-Amz-Target", $"ACMPrivateCA.{operation}")
                .Raw(JsonSerializer.SerializeToUtf8Bytes(body, type), "application/x-amz-json-1.1"),
            answer => JsonSerializer.Deserialize(answer, resultType) ?? throw new JsonException("The service answered with null."),
            cancellation);

    private static AwsServiceConfig Settings() => new("ACM PCA", "acm-pca", "acm-pca", "2017-08-22");
}

/// <param name="Csr">PEM, as bytes.</param>
/// <param name="IdempotencyToken">For five minutes, the same order under the same token gives the same certificate.</param>
public sealed record IssueCertificateBody(
    string CertificateAuthorityArn, byte[] Csr, string SigningAlgorithm, PcaValidity Validity, string IdempotencyToken, string? TemplateArn = null,
    PcaApiPassthrough? ApiPassthrough = null);

/// <param name="Type">DAYS, MONTHS …</param>
public sealed record PcaValidity(long Value, string Type);

public sealed record PcaApiPassthrough(PcaSubject Subject);

public sealed record PcaSubject(string CommonName);

internal sealed record IssueCertificateResult(string CertificateArn);

internal sealed record GetCertificateBody(string CertificateAuthorityArn, string CertificateArn);

internal sealed record GetCertificateResult(string Certificate, string? CertificateChain = null);

[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(IssueCertificateBody))]
[JsonSerializable(typeof(IssueCertificateResult))]
[JsonSerializable(typeof(GetCertificateBody))]
[JsonSerializable(typeof(GetCertificateResult))]
internal sealed partial class AcmPcaJson : JsonSerializerContext;
