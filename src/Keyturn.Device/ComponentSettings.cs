using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;

namespace Keyturn.Device;

/// <summary>What the component's configuration asks for.</summary>
/// <param name="LongestDeferral">Deployments are held up for so long at most, from the switch until the new credential has reached the cloud.</param>
internal sealed record ComponentSettings(KeyOptions Keys, PreflightOptions Preflight, TimeSpan LongestDeferral)
{
    public static readonly TimeSpan DefaultLongestDeferral = TimeSpan.FromMinutes(10);

    public static readonly ComponentSettings Default = new(KeyOptions.Default, PreflightOptions.Default, DefaultLongestDeferral);
}
