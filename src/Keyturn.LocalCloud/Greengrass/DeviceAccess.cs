using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>What a core device may ask with its certificate: the data plane, as far as its IoT policies allow.</summary>
internal static class DeviceAccess
{
    /// <summary>For operations of the control plane, which are signed for.</summary>
    public static void RefuseDevices(ApiRequest request)
    {
        if (request.Caller.CertificateId is not null)
            throw new ApiException(403, "AccessDeniedException", $"{request.Operation.Name} is not for devices.");
    }

    /// <returns>The device's thing; null when the caller signed, and IAM has been asked.</returns>
    public static string? Authorize(ApiRequest request, string resource, IDeviceDirectory directory, TimeProvider time)
    {
        if (request.Caller.CertificateId is not { } id)
            return null;
        var action = $"greengrass:{request.Operation.Name}";
        return directory.FindCertificate(id) is { IsActive: true, Things: [var thing, ..] } certificate && PolicyEvaluation.Allows(certificate, time, action, resource)
            ? thing.Name
            : throw new ApiException(403, "AccessDeniedException", $"No policy of certificate {id} allows {action} on {resource}.");
    }
}
