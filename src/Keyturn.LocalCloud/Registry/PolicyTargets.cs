using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>What an ARN in an attachment stands for.</summary>
internal static class PolicyTargets
{
    private static readonly string CertificatePrefix = CloudAccount.Local.Arn("iot", "cert/");
    private static readonly string GroupPrefix = CloudAccount.Local.Arn("iot", "thinggroup/");

    public static OrderedSet PoliciesOn(this DeviceRegistry registry, string target) =>
        registry.GroupAt(target) is { } group ? group.Policies : registry.CertificateAt(target).Policies;

    public static Certificate CertificateAt(this DeviceRegistry registry, string arn)
    {
        if (!arn.StartsWith(CertificatePrefix, StringComparison.Ordinal))
            throw RequestMembers.Invalid($"Invalid principal: {arn}");
        return registry.Certificates.GetValueOrDefault(arn[CertificatePrefix.Length..])
            ?? throw DeviceRegistry.NotFound($"The certificate given in the principal does not exist. (principal={arn})");
    }

    public static ThingGroup? GroupAt(this DeviceRegistry registry, string arn) =>
        arn.StartsWith(GroupPrefix, StringComparison.Ordinal) ? registry.Group(arn[GroupPrefix.Length..]) : null;

    /// <summary>ARNs of everything a policy is attached to.</summary>
    public static IEnumerable<string> TargetsOf(this DeviceRegistry registry, Policy policy) =>
        registry.Certificates.Values.Where(c => c.Policies.Contains(policy.Name)).Select(c => c.Arn)
            .Concat(registry.Groups.Values.Where(g => g.Policies.Contains(policy.Name)).Select(g => g.Arn));
}
