using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Policies;

/// <summary>Denied unless a statement allows; denied if any statement denies.</summary>
internal static class PolicyEvaluation
{
    /// <param name="action">iot:Publish and so on.</param>
    /// <param name="resource">The ARN acted on.</param>
    public static bool Allows(PolicyContext context, string action, string resource)
    {
        var allowed = false;
        foreach (var text in context.Certificate.Policies)
        {
            foreach (var statement in PolicyDocument.Of(text).Statements)
            {
                if ((statement.Effect == PolicyEffect.Deny || !allowed) && statement.AppliesTo(action, resource, context))
                {
                    if (statement.Effect == PolicyEffect.Deny)
                        return false;
                    allowed = true;
                }
            }
        }

        return allowed;
    }

    /// <summary>For a request over HTTPS, where only the certificate is known.</summary>
    public static bool Allows(DeviceCertificate certificate, TimeProvider time, string action, string resource) =>
        Allows(new PolicyContext(certificate, ClientId: null, Presented: null, SourceIp: null, time.GetUtcNow()), action, resource);
}
