using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Who presents this certificate? Only registration counts, not who signed it.</summary>
internal sealed class DeviceAuthentication(IDeviceDirectory directory, IBrokerFaults? faults, TimeProvider time)
{
    /// <summary>Null unless the certificate is registered, ACTIVE and within its validity.</summary>
    /// <param name="isNew">The beginning of a connection, which a fault may refuse.</param>
    public DeviceCertificate? Find(X509Certificate2? presented, bool isNew = false)
    {
        if (presented is null)
            return null;
        var now = time.GetUtcNow().UtcDateTime;
        if (now < presented.NotBefore.ToUniversalTime() || now > presented.NotAfter.ToUniversalTime())
            return null;
        var id = Convert.ToHexStringLower(SHA256.HashData(presented.RawDataMemory.Span));
        if (isNew && faults?.Refuses(id) == true)
            return null;
        return directory.FindCertificate(id) is { IsActive: true } certificate ? certificate : null;
    }
}
