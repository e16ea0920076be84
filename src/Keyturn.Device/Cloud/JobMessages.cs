using System.Text.Json;
using System.Text.Json.Serialization;
using Keyturn.Contracts;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Cloud;

// https://docs.aws.amazon.com/iot/latest/developerguide/jobs-mqtt-api.html

internal sealed record JobGetRequest(string ClientToken, bool IncludeJobDocument = true);

internal sealed record JobUpdateRequest(
    string Status, IReadOnlyDictionary<string, string> StatusDetails, int ExpectedVersion, long ExecutionNumber, string ClientToken,
    bool IncludeJobExecutionState = true);

/// <summary>Every answer of the Jobs service: each kind leaves some fields out.</summary>
internal sealed record JobAnswer(
    string? ClientToken = null, long? Timestamp = null, JobAnswer.JobExecutionBody? Execution = null, JobAnswer.StateBody? ExecutionState = null,
    string? Code = null, string? Message = null)
{
    internal sealed record JobExecutionBody(
        string? JobId = null, string? Status = null, Dictionary<string, JsonElement>? StatusDetails = null, long QueuedAt = 0, int VersionNumber = 0,
        long ExecutionNumber = 0, JsonElement? JobDocument = null, int? ApproximateSecondsBeforeTimedOut = null);

    internal sealed record StateBody(string? Status = null, Dictionary<string, JsonElement>? StatusDetails = null, int VersionNumber = 0);

    public JobExecution? ToExecution() => Execution is { JobId: { } id } e && StatusDetails.Parse(e.Status) is { } status
        ? new JobExecution(id, e.ExecutionNumber, e.VersionNumber, e.QueuedAt, status, IsRotation(e.JobDocument), IsMarked(e.StatusDetails), e.ApproximateSecondsBeforeTimedOut)
        : null;

    public JobExecutionState? ToState() => ExecutionState is { } s && StatusDetails.Parse(s.Status) is { } status
        ? new JobExecutionState(status, s.VersionNumber, IsMarked(s.StatusDetails))
        : null;

    private static bool IsRotation(JsonElement? document) =>
        document is { ValueKind: JsonValueKind.Object } d && d.TryGetProperty("operation", out var operation)
        && operation.ValueKind == JsonValueKind.String && operation.ValueEquals(JobDocument.RotateCertificate);

    private static bool IsMarked(Dictionary<string, JsonElement>? details) => details?.ContainsKey(StatusDetailKeys.CertificateRotator) == true;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JobGetRequest))]
[JsonSerializable(typeof(JobUpdateRequest))]
[JsonSerializable(typeof(JobAnswer))]
internal sealed partial class JobsJson : JsonSerializerContext;
