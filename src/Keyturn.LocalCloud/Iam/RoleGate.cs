using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Iam;

/// <summary>Lets a role do what its policies say and no more. The operator's key may do everything.</summary>
internal sealed class RoleGate(RoleStore roles) : IRequestGate
{
    public void Admit(ApiRequest request, AccessKey? key)
    {
        // GetCallerIdentity needs no permission.
        if (key?.RoleName is null || request.Operation.Service == "sts")
            return;
        foreach (var (action, resource) in RequestResources.Of(request))
        {
            if (roles.Find(key.RoleName)?.May(new IamRequest(action, resource)) == true)
                continue;
            var user = CloudAccount.Local.GlobalArn("sts", $"assumed-role/{key.RoleName}/{key.SessionName}");
            var message = $"User: {user} is not authorized to perform: {action} on resource: {resource} "
                + $"because no identity-based policy allows the {action} action";
            throw request.Operation.Service switch
            {
                "sns" => new ApiException(403, "AuthorizationError", message),
                "dynamodb" or "acm-pca" => new ApiException(400, "AccessDeniedException", message),
                _ => new ApiException(403, "AccessDeniedException", message),
            };
        }
    }
}
