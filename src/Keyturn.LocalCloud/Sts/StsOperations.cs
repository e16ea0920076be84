using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sts;

/// <summary>Who am I?</summary>
internal sealed class StsOperations(AccessKeys keys)
{
    public IEnumerable<ApiOperation> All =>
        [new("sts", "GetCallerIdentity", "POST", "GetCallerIdentity", (request, _) => ValueTask.FromResult(new ApiResponse(Json: Identity(request))))];

    private JsonObject Identity(ApiRequest request)
    {
        var key = keys.Find(request.Caller.AccessKeyId!);
        return new JsonObject
        {
            ["Arn"] = key?.RoleName is { } role
                ? CloudAccount.Local.GlobalArn("sts", $"assumed-role/{role}/{key.SessionName}")
                : CloudAccount.Local.GlobalArn("iam", "user/test"),
            ["UserId"] = key?.RoleName is null ? "AIDATEST" : $"AROA{key.RoleName}:{key.SessionName}",
            ["Account"] = CloudAccount.Local.Id,
        };
    }
}
