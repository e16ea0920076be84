using Keyturn.Device.Rotation;

namespace Keyturn.Device.Cloud;

/// <summary>Connections to the cloud with a credential of the store, beside the nucleus's own.</summary>
internal interface ICredentialProbe
{
    Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation);

    Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation);
}

/// <summary>Where no such connection can be made: nothing is proven beforehand, and nothing is evidence.</summary>
internal sealed class NoProbe : ICredentialProbe
{
    public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
        Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Inconclusive, "the new certificate was not tried beforehand"));

    public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
        Task.FromResult(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed));
}
