using System.Text.Json.Serialization;

namespace Keyturn.Contracts;

/// <summary>Device → <c>create</c>: sign this CSR. The fields with a question mark are absent in the reference's messages.</summary>
/// <param name="ExecutionNumber">Of the job's execution: a retry of the job is another rotation, and a request may come when it has begun.</param>
public sealed record CreateRequest(string JobId, string Csr, string? RotationId = null, string? ClientToken = null, long? ExecutionNumber = null);

/// <summary>Backend → <c>create/accepted</c>. The leaf certificate only: a larger answer is dropped by nucleus lite.</summary>
public sealed record CreateAccepted(
    string CertificatePem, string? CertificateId = null, string? RotationId = null, string? ClientToken = null);

/// <summary>
/// Device → <c>create</c>, in its other sense: "this is the credential I hold". It has neither jobId nor csr, so the
/// reference backend refuses it without side effect.
/// </summary>
/// <param name="NotAfter">End of the certificate's validity, epoch seconds.</param>
/// <param name="Component">Version of the component that speaks.</param>
/// <param name="KeyStore"><c>file</c> or <c>pkcs11</c>.</param>
public sealed record AttestRequest(
    bool Attest, string CertificateId, string ClientToken, string Component, string KeyStore, long NotAfter, string? Nonce = null);

/// <summary>Backend → <c>create/accepted</c> after an attest. A nonce asks the device to attest once more and echo it.</summary>
public sealed record AttestAccepted(string ClientToken, string? Nonce = null);

/// <summary>Device → <c>commit</c>, over the new certificate. With <c>verify</c> it only asks whether it is heard.</summary>
public sealed record CommitRequest(string JobId, string? RotationId = null, string? ClientToken = null, bool? Verify = null);

/// <summary>Backend → <c>commit/accepted</c>.</summary>
public sealed record CommitAccepted(string? RotationId = null, string? ClientToken = null);

/// <summary>Backend → <c>…/rejected</c>. The reference sends <c>errorMsg</c> alone.</summary>
public sealed record Rejected(
    string ErrorMsg, string? Code = null, bool? Retryable = null, string? RotationId = null, string? ClientToken = null);

/// <summary>The document of a rotation job.</summary>
public sealed record JobDocument(string Operation)
{
    public const string RotateCertificate = "ROTATE_CERTIFICATE";
}

/// <summary>Keys of the statusDetails map that a rotation reports. Job updates replace the map, so each one sends all of it.</summary>
public static class StatusDetailKeys
{
    /// <summary>Marks the execution as ours for the job event rule. Its value is the string <c>"true"</c>; the reference sends a boolean.</summary>
    public const string CertificateRotator = "CertificateRotator";
    public const string RotationId = "rotationId";
    public const string Step = "step";
    public const string Reason = "reason";
}

/// <summary>Sizes both sides keep to.</summary>
public static class WireLimits
{
    /// <summary>AWS IoT refuses a longer CSR.</summary>
    public const int CsrCharacters = 4096;

    /// <summary>Nucleus lite drops MQTT packets above 5,000 bytes without a word; topic and header need the difference.</summary>
    public const int AnswerBytes = 4800;

    /// <summary>Largest payload AWS IoT carries.</summary>
    public const int PayloadBytes = 128 * 1024;
}

/// <summary>
/// The JSON of every message above: camelCase, absent when null. Unknown fields are ignored; a wrong type, a missing
/// field or a field given twice throws <see cref="System.Text.Json.JsonException"/>.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(CreateRequest))]
[JsonSerializable(typeof(CreateAccepted))]
[JsonSerializable(typeof(AttestRequest))]
[JsonSerializable(typeof(AttestAccepted))]
[JsonSerializable(typeof(CommitRequest))]
[JsonSerializable(typeof(CommitAccepted))]
[JsonSerializable(typeof(Rejected))]
[JsonSerializable(typeof(JobDocument))]
public sealed partial class ContractsJson : JsonSerializerContext;
