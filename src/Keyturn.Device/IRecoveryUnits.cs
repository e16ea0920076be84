namespace Keyturn.Device;

/// <summary>What looks after a rotation while Greengrass does not run. It is there only while a rotation may need it, and a rotation never fails for want of it.</summary>
internal interface IRecoveryUnits
{
    Task InstallAsync(CancellationToken cancellation);

    Task RemoveAsync(CancellationToken cancellation);
}
