using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>AWS IoT's control plane, as far as rotations need it. Names, paths and members are those of the public API model of 2015-05-28.</summary>
public sealed class IotClient : AwsServiceClient
{
    public IotClient()
        : base(Settings())
    {
    }

    public IotClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <summary>Each call makes a certificate: one that got no answer is not repeated.</summary>
    public Task<CreateCertificateFromCsrResult> CreateCertificateFromCsrAsync(
        string csr, bool setAsActive, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("CreateCertificateFromCsr", "POST", "/certificates") { IsOnce = true }
                .With("setAsActive", setAsActive ? "true" : "false")
                .Json(new CreateCertificateFromCsrBody(csr), IotJson.Default.CreateCertificateFromCsrBody),
            body => IotJson.Read(body, IotJson.Default.CreateCertificateFromCsrResult),
            cancellation);

    public Task<RegisterCertificateResult> RegisterCertificateWithoutCaAsync(string pem, string status, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca")
                .Json(new RegisterCertificateBody(pem, status), IotJson.Default.RegisterCertificateBody),
            body => IotJson.Read(body, IotJson.Default.RegisterCertificateResult),
            cancellation);

    /// <exception cref="AmazonServiceException">ResourceNotFoundException, ThrottlingException …</exception>
    public async Task<CertificateDescription> DescribeCertificateAsync(string certificateId, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("DescribeCertificate", "GET", "/certificates/{certificateId}").Label("certificateId", certificateId),
            body => IotJson.Read(body, IotJson.Default.DescribeCertificateResult),
            cancellation).ConfigureAwait(false)).CertificateDescription;

    /// <summary>One page, the newest first.</summary>
    public Task<ListCertificatesResult> ListCertificatesAsync(string? marker, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("ListCertificates", "GET", "/certificates").With("pageSize", "250").With("marker", marker),
            body => IotJson.Read(body, IotJson.Default.ListCertificatesResult),
            cancellation);

    public Task UpdateCertificateAsync(string certificateId, string newStatus, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("UpdateCertificate", "PUT", "/certificates/{certificateId}")
                .Label("certificateId", certificateId).With("newStatus", newStatus),
            body => body,
            cancellation);

    public Task DeleteCertificateAsync(string certificateId, bool forceDelete, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("DeleteCertificate", "DELETE", "/certificates/{certificateId}")
                .Label("certificateId", certificateId).With("forceDelete", forceDelete ? "true" : "false"),
            body => body,
            cancellation);

    /// <summary>One page.</summary>
    public Task<ListThingPrincipalsResult> ListThingPrincipalsV2Async(
        string thing, string? nextToken, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("ListThingPrincipalsV2", "GET", "/things/{thingName}/principals-v2")
                .Label("thingName", thing).With("nextToken", nextToken),
            body => IotJson.Read(body, IotJson.Default.ListThingPrincipalsResult),
            cancellation);

    /// <summary>One page.</summary>
    public Task<ListPrincipalThingsResult> ListPrincipalThingsV2Async(
        string principalArn, string? nextToken, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("ListPrincipalThingsV2", "GET", "/principals/things-v2")
                .Header("x-amzn-principal", principalArn).With("nextToken", nextToken),
            body => IotJson.Read(body, IotJson.Default.ListPrincipalThingsResult),
            cancellation);

    /// <param name="principalType">EXCLUSIVE_THING or NON_EXCLUSIVE_THING.</param>
    public Task AttachThingPrincipalAsync(string thing, string principalArn, string principalType, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("AttachThingPrincipal", "PUT", "/things/{thingName}/principals")
                .Label("thingName", thing).Header("x-amzn-principal", principalArn).With("thingPrincipalType", principalType),
            body => body,
            cancellation);

    public Task DetachThingPrincipalAsync(string thing, string principalArn, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("DetachThingPrincipal", "DELETE", "/things/{thingName}/principals")
                .Label("thingName", thing).Header("x-amzn-principal", principalArn),
            body => body,
            cancellation);

    /// <summary>One page of the policies attached to a certificate or a group.</summary>
    public Task<ListAttachedPoliciesResult> ListAttachedPoliciesAsync(string target, string? marker, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("ListAttachedPolicies", "POST", "/attached-policies/{target}").Label("target", target).With("marker", marker),
            body => IotJson.Read(body, IotJson.Default.ListAttachedPoliciesResult),
            cancellation);

    public Task AttachPolicyAsync(string policyName, string target, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("AttachPolicy", "PUT", "/target-policies/{policyName}")
                .Label("policyName", policyName).Json(new AttachPolicyBody(target), IotJson.Default.AttachPolicyBody),
            body => body,
            cancellation);

    public Task<CreateJobResult> CreateJobAsync(string jobId, CreateJobBody job, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("CreateJob", "PUT", "/jobs/{jobId}").Label("jobId", jobId).Json(job, IotJson.Default.CreateJobBody),
            body => IotJson.Read(body, IotJson.Default.CreateJobResult),
            cancellation);

    public async Task<string> GetJobDocumentAsync(string jobId, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("GetJobDocument", "GET", "/jobs/{jobId}/job-document").Label("jobId", jobId),
            body => IotJson.Read(body, IotJson.Default.GetJobDocumentResult),
            cancellation).ConfigureAwait(false)).Document;

    public async Task<ControlPlaneExecution> DescribeJobExecutionAsync(
        string jobId, string thing, long? executionNumber, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("DescribeJobExecution", "GET", "/things/{thingName}/jobs/{jobId}")
                .Label("thingName", thing).Label("jobId", jobId)
                .With("executionNumber", executionNumber?.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            body => IotJson.Read(body, IotJson.Default.ControlPlaneExecutionResult),
            cancellation).ConfigureAwait(false)).Execution;

    /// <summary>Only the named kinds of events change; the others stay as they are.</summary>
    public Task EnableEventsAsync(IEnumerable<string> kinds, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("UpdateEventConfigurations", "PATCH", "/event-configurations").Json(
                new UpdateEventConfigurationsBody(kinds.ToDictionary(k => k, _ => new EventConfiguration(true))),
                IotJson.Default.UpdateEventConfigurationsBody),
            body => body,
            cancellation);

    private static AwsServiceConfig Settings() => new("IoT", "iot", "iot", "2015-05-28");
}

public sealed record CreateCertificateFromCsrResult(string CertificateArn, string CertificateId, string CertificatePem);

public sealed record RegisterCertificateResult(string CertificateArn, string CertificateId);

public sealed record CertificateDescription(string CertificateId, string CertificateArn, string Status, string? CertificatePem = null);

public sealed record ListCertificatesResult(IReadOnlyList<ListedCertificate> Certificates, string? NextMarker = null);

/// <param name="CreationDate">Epoch seconds.</param>
public sealed record ListedCertificate(string CertificateId, string CertificateArn, double CreationDate = 0);

public sealed record ListThingPrincipalsResult(IReadOnlyList<ThingPrincipalObject> ThingPrincipalObjects, string? NextToken = null);

public sealed record ThingPrincipalObject(string Principal, string? ThingPrincipalType = null);

public sealed record ListPrincipalThingsResult(IReadOnlyList<PrincipalThingObject> PrincipalThingObjects, string? NextToken = null);

public sealed record PrincipalThingObject(string ThingName, string? ThingPrincipalType = null);

public sealed record ListAttachedPoliciesResult(IReadOnlyList<AttachedPolicy> Policies, string? NextMarker = null);

public sealed record AttachedPolicy(string PolicyName, string PolicyArn);

public sealed record CreateJobBody(IReadOnlyList<string> Targets, string? JobTemplateArn = null, string? Document = null, string? Description = null);

public sealed record CreateJobResult(string JobArn, string JobId);

/// <param name="QueuedAt">Epoch seconds.</param>
public sealed record ControlPlaneExecution(
    string JobId, string Status, StatusDetailsMap? StatusDetails = null, double QueuedAt = 0, long ExecutionNumber = 0, long VersionNumber = 0);

public sealed record StatusDetailsMap(IReadOnlyDictionary<string, string>? DetailsMap = null);

internal sealed record CreateCertificateFromCsrBody(string CertificateSigningRequest);

internal sealed record RegisterCertificateBody(string CertificatePem, string Status);

internal sealed record DescribeCertificateResult(CertificateDescription CertificateDescription);

internal sealed record AttachPolicyBody(string Target);

internal sealed record UpdateEventConfigurationsBody(IReadOnlyDictionary<string, EventConfiguration> EventConfigurations);

/// <summary>The one member of this API that begins with a capital.</summary>
internal sealed record EventConfiguration([property: JsonPropertyName("Enabled")] bool Enabled);

internal sealed record GetJobDocumentResult(string Document);

internal sealed record ControlPlaneExecutionResult(ControlPlaneExecution Execution);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CreateCertificateFromCsrBody))]
[JsonSerializable(typeof(CreateCertificateFromCsrResult))]
[JsonSerializable(typeof(RegisterCertificateBody))]
[JsonSerializable(typeof(RegisterCertificateResult))]
[JsonSerializable(typeof(DescribeCertificateResult))]
[JsonSerializable(typeof(ListCertificatesResult))]
[JsonSerializable(typeof(UpdateEventConfigurationsBody))]
[JsonSerializable(typeof(ListThingPrincipalsResult))]
[JsonSerializable(typeof(ListPrincipalThingsResult))]
[JsonSerializable(typeof(ListAttachedPoliciesResult))]
[JsonSerializable(typeof(AttachPolicyBody))]
[JsonSerializable(typeof(CreateJobBody))]
[JsonSerializable(typeof(CreateJobResult))]
[JsonSerializable(typeof(GetJobDocumentResult))]
[JsonSerializable(typeof(ControlPlaneExecutionResult))]
internal sealed partial class IotJson : JsonSerializerContext
{
    public static T Read<T>(byte[] body, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(body, type) ?? throw new JsonException("The service answered with null.");
}
