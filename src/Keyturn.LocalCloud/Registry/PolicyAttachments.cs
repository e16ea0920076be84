using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Policies on certificates and thing groups: attach, detach, list both ways, in the newer and the older form.</summary>
internal sealed class PolicyAttachments(DeviceRegistry registry)
{
    private const int MaxPerTarget = 10;
    private const string PrincipalHeader = "x-amzn-iot-principal";

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "AttachPolicy", "PUT", "/target-policies/{policyName}", registry.Locked(r => Attach(r, r.RequiredText("target")))),
        new("iot", "DetachPolicy", "POST", "/target-policies/{policyName}", registry.Locked(r => Detach(r, r.RequiredText("target")))),
        new("iot", "ListAttachedPolicies", "POST", "/attached-policies/{target}", registry.Locked(ListAttached)),
        new("iot", "ListTargetsForPolicy", "POST", "/policy-targets/{policyName}", registry.Locked(ListTargets)),
        new("iot", "AttachPrincipalPolicy", "PUT", "/principal-policies/{policyName}", registry.Locked(r => Attach(r, Principal(r)))),
        new("iot", "DetachPrincipalPolicy", "DELETE", "/principal-policies/{policyName}", registry.Locked(r => Detach(r, Principal(r)))),
        new("iot", "ListPrincipalPolicies", "GET", "/principal-policies", registry.Locked(ListForPrincipal)),
        new("iot", "ListPolicyPrincipals", "GET", "/policy-principals", registry.Locked(ListPrincipals)),
    ];

    private JsonNode? Attach(ApiRequest request, string target)
    {
        var policy = registry.Policy(request.Label("policyName", Names.Policy));
        var attached = registry.PoliciesOn(target);
        if (!attached.Contains(policy.Name) && attached.Count >= MaxPerTarget)
            throw new ApiException(410, "LimitExceededException", $"No more than {MaxPerTarget} policies can be attached to one target.");
        attached.Add(policy.Name);
        return null;
    }

    private JsonNode? Detach(ApiRequest request, string target)
    {
        var policy = registry.Policy(request.Label("policyName", Names.Policy));
        registry.PoliciesOn(target).Remove(policy.Name);
        return null;
    }

    private JsonNode ListAttached(ApiRequest request)
    {
        var target = request.Label("target");
        IEnumerable<string> names = registry.PoliciesOn(target).Names;
        if (request.QueryFlag("recursive") && registry.GroupAt(target) is { } group)
            names = registry.Lineage(group).SelectMany(g => g.Policies.Names).Distinct();
        return PolicyOperations.ShowPage(request, names.Select(registry.Policy));
    }

    private JsonNode ListTargets(ApiRequest request)
    {
        var policy = registry.Policy(request.Label("policyName", Names.Policy));
        return request.MarkedPage("targets", registry.TargetsOf(policy), t => t, t => t);
    }

    private JsonNode ListForPrincipal(ApiRequest request) =>
        PolicyOperations.ShowPage(request, registry.PoliciesOn(Principal(request)).Names.Select(registry.Policy));

    private JsonNode ListPrincipals(ApiRequest request)
    {
        var policy = registry.Policy(request.Header("x-amzn-iot-policy", "policyName"));
        // Groups are targets but not principals; of a certificate this list has the ARN.
        var principals = registry.TargetsOf(policy).Where(t => registry.GroupAt(t) is null);
        return request.MarkedPage("principals", request.QueryFlag("isAscendingOrder", otherwise: true) ? principals : principals.Reverse(), t => t, t => t);
    }

    private static string Principal(ApiRequest request) => request.Header(PrincipalHeader, "principal");
}
