using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Sns;

namespace Keyturn.LocalCloud.Iam;

/// <summary>Lets a role do what its policies say and no more. The operator's key may do everything.</summary>
internal sealed class RoleGate(RoleStore roles, SnsService sns) : IRequestGate
{
    public void Admit(ApiRequest request, AccessKey? key)
    {
        // GetCallerIdentity needs no permission.
        if (key?.RoleName is null || request.Operation.Service == "sts")
            return;
        foreach (var (action, resource) in RequestResources.Of(request))
        {
            if (roles.Find(key.RoleName) is { } role && Allows(role, RequestResources.WithConditionKeys(new IamRequest(action, resource) { Principal = role.Arn }, request)))
                continue;
            var user = CloudAccount.Local.GlobalArn("sts", $"assumed-role/{key.RoleName}/{key.SessionName}");
            var message = $"User: {user} is not authorized to perform: {action} on resource: {resource} "
                + $"because no identity-based policy allows the {action} action";
            throw request.Operation.Service switch
            {
                "s3" => new ApiException(403, "AccessDenied", message),
                "sqs" => new ApiException(403, "AccessDenied", message),
                "events" => new ApiException(400, "AccessDeniedException", message),
                "sns" => new ApiException(403, "AuthorizationError", message),
                "dynamodb" or "acm-pca" => new ApiException(400, "AccessDeniedException", message),
                _ => new ApiException(403, "AccessDeniedException", message),
            };
        }
    }

    /// <summary>Within one account either side may allow, and either side's deny is final.</summary>
    private bool Allows(Role role, IamRequest request)
    {
        var byTopic = sns.Topics.FirstOrDefault(t => t.Arn == request.Resources[0])?.Policies.Select(p => p.Evaluate(request)).ToList() ?? [];
        return !byTopic.Contains(false) && (role.Evaluate(request) ?? byTopic.Contains(true));
    }
}
