using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>A device on which no second connection can be made.</summary>
internal sealed class NoProbe : ICredentialProbe
{
    public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
        Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Inconclusive, "not tried"));

    public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
        Task.FromResult(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed));
}
