using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Iam;

/// <summary>As much of IAM (query protocol) as a core device's token exchange role takes: the role, and policies of its own.</summary>
internal sealed partial class RoleOperations(RoleStore roles)
{
    public IEnumerable<ApiOperation> All =>
    [
        Operation("CreateRole", Create),
        Operation("GetRole", r => new JsonObject { ["Role"] = Show(Find(r)) }),
        Operation("PutRolePolicy", Put),
        Operation("GetRolePolicy", Get),
        Operation("DeleteRolePolicy", Delete),
    ];

    private static ApiOperation Operation(string name, Func<ApiRequest, JsonObject?> answer) =>
        new("iam", name, "POST", name, (request, _) => ValueTask.FromResult(new ApiResponse(Json: answer(request))));

    private JsonObject Create(ApiRequest request)
    {
        var name = Name(request, "RoleName");
        var trust = Policy(Required(request, "AssumeRolePolicyDocument")).Policy;
        var role = roles.TryAdd(name, trust) ?? throw new ApiException(409, "EntityAlreadyExists", $"Role with name {name} already exists.");
        return new JsonObject { ["Role"] = Show(role) };
    }

    private JsonObject? Put(ApiRequest request)
    {
        var (role, name) = (Find(request), Name(request, "PolicyName"));
        role.Put(name, Policy(Required(request, "PolicyDocument")));
        return null;
    }

    private JsonObject Get(ApiRequest request)
    {
        var (role, name) = (Find(request), Name(request, "PolicyName"));
        var policy = role.FindInline(name) ?? throw NoPolicy(name);
        return new JsonObject { ["RoleName"] = role.Name, ["PolicyName"] = name, ["PolicyDocument"] = Uri.EscapeDataString(policy.Document) };
    }

    private JsonObject? Delete(ApiRequest request)
    {
        var (role, name) = (Find(request), Name(request, "PolicyName"));
        return role.RemoveInline(name) ? null : throw NoPolicy(name);
    }

    private Role Find(ApiRequest request)
    {
        var name = Name(request, "RoleName");
        return roles.Find(name) ?? throw new ApiException(404, "NoSuchEntity", $"The role with name {name} cannot be found.");
    }

    private static InlinePolicy Policy(string document)
    {
        try
        {
            return new(document, IamPolicy.Parse(StrictJson.Parse(Encoding.UTF8.GetBytes(document))));
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new ApiException(400, "MalformedPolicyDocument", $"The policy can't be used: {e.Message}.");
        }
    }

    private static JsonObject Show(Role role) => new() { ["Path"] = "/", ["RoleName"] = role.Name, ["RoleId"] = "AROA" + role.Name, ["Arn"] = role.Arn, ["CreateDate"] = "2020-01-01T00:00:00Z" };

    private static ApiException NoPolicy(string name) => new(404, "NoSuchEntity", $"The role policy with name {name} cannot be found.");

    private static string Name(ApiRequest request, string member) => Required(request, member) is var name && NamePattern().IsMatch(name)
        ? name
        : throw new ApiException(400, "ValidationError", $"The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-");

    private static string Required(ApiRequest request, string member) => request.Query[member].FirstOrDefault() is { Length: > 0 } value
        ? value
        : throw new ApiException(400, "ValidationError", $"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null");

    [GeneratedRegex(@"\A[\w+=,.@-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
