using System.Collections.Immutable;

namespace Keyturn.Device.Rotation;

/// <summary>
/// Something to ask the cloud. The driver says it again, with backoff and jitter, until it is answered or the machine has moved on.
/// </summary>
internal abstract record CloudRequest
{
    private CloudRequest()
    {
    }

    public sealed record NextJob : CloudRequest;

    public sealed record DescribeJob(string JobId) : CloudRequest;

    public sealed record UpdateJob(
        string JobId, long ExecutionNumber, int ExpectedVersion, JobStatus Status, ImmutableSortedDictionary<string, string> Details) : CloudRequest;

    /// <param name="Credential">Whose CSR to send.</param>
    /// <param name="IsForReference">No answer ever carried a clientToken: the reference backend may be at work on the last one for two minutes.</param>
    public sealed record Create(string JobId, long ExecutionNumber, string? RotationId, string Credential, bool IsForReference) : CloudRequest;

    public sealed record Commit(string JobId, string? RotationId) : CloudRequest;

    public sealed record Attest(string? Nonce = null) : CloudRequest;
}
