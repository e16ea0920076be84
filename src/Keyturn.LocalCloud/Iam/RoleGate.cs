using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Sns;

namespace Keyturn.LocalCloud.Iam;

/// <summary>Lets a role do what its policies say and no more. The operator's key may do everything.</summary>
internal sealed class RoleGate(RoleStore roles, SnsService sns, TablePolicies tables) : IRequestGate
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

        if (roles.Find(key.RoleName) is { } caller && request.Operation is { Service: "sns", Name: "Publish" })
            AdmitToKey(caller, RequestResources.Of(request).First().Resource);
    }

    /// <summary>Whoever publishes to a topic that a key of the account encrypts uses the key; the key's own policy leaves that to the account's.</summary>
    private void AdmitToKey(Role caller, string topicArn)
    {
        var key = sns.Topics.FirstOrDefault(t => t.Arn == topicArn)?.Attributes.GetValueOrDefault("KmsMasterKeyId");
        if (key is null || key.StartsWith("alias/", StringComparison.Ordinal))
            return;
        var arn = key.StartsWith("arn:", StringComparison.Ordinal) ? key : CloudAccount.Local.Arn("kms", $"key/{key}");
        foreach (var action in (string[])["kms:GenerateDataKey", "kms:Decrypt"])
        {
            if (!caller.May(new IamRequest(action, arn)))
            {
                throw new ApiException(400, "KMSAccessDenied",
                    $"User: {caller.Arn} is not authorized to perform: {action} on resource: {arn} because no identity-based policy allows the {action} action");
            }
        }
    }

    /// <summary>Within one account either side may allow, and either side's deny is final.</summary>
    private bool Allows(Role role, IamRequest request)
    {
        var policies = tables.Find(request.Resources[0]) is { } ofTable ? [ofTable] : sns.Topics.FirstOrDefault(t => t.Arn == request.Resources[0])?.Policies.AsEnumerable() ?? [];
        var byResource = policies.Select(p => p.Evaluate(request)).ToList();
        if (byResource.Contains(false))
            return false;
        // What the topic or the table itself allows does not need the role's leave.
        return byResource.Contains(true) ? role.Evaluate(request) != false : role.May(request);
    }
}
