using Keyturn.Device.Rotation;

namespace Keyturn.Device.Cloud;

/// <summary>Connections to the cloud with a credential of the store, beside the nucleus's own.</summary>
internal interface ICredentialProbe
{
    Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation);

    Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation);
}
