using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>IoT policies and their versions.</summary>
/// <param name="findFault">Says what is wrong with a policy document, null when nothing is.</param>
internal sealed class PolicyOperations(DeviceRegistry registry, Func<string, string?> findFault, TimeProvider time)
{
    private const int MaxVersions = 5;
    private const int MaxDocument = 2048;

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "CreatePolicy", "POST", "/policies/{policyName}", registry.Locked(Create)),
        new("iot", "GetPolicy", "GET", "/policies/{policyName}", registry.Locked(Get)),
        new("iot", "DeletePolicy", "DELETE", "/policies/{policyName}", registry.Locked(Delete)),
        new("iot", "ListPolicies", "GET", "/policies", registry.Locked(List)),
        new("iot", "CreatePolicyVersion", "POST", "/policies/{policyName}/version", registry.Locked(CreateVersion)),
        new("iot", "GetPolicyVersion", "GET", "/policies/{policyName}/version/{policyVersionId}", registry.Locked(GetVersion)),
        new("iot", "DeletePolicyVersion", "DELETE", "/policies/{policyName}/version/{policyVersionId}", registry.Locked(DeleteVersion)),
        new("iot", "ListPolicyVersions", "GET", "/policies/{policyName}/version", registry.Locked(ListVersions)),
        new("iot", "SetDefaultPolicyVersion", "PATCH", "/policies/{policyName}/version/{policyVersionId}", registry.Locked(SetDefault)),
    ];

    private JsonNode Create(ApiRequest request)
    {
        var name = request.Label("policyName", Names.Policy);
        var document = Document(request);
        if (registry.Policies.TryGetValue(name, out var existing))
            throw DeviceRegistry.Exists($"Policy cannot be created - name already exists (name={name})", name, existing.Arn);
        var policy = new Policy(name, time.GetUtcNow());
        AddVersion(policy, document);
        registry.Policies.Add(name, policy);
        return new JsonObject
        {
            ["policyName"] = name, ["policyArn"] = policy.Arn, ["policyDocument"] = document, ["policyVersionId"] = "1",
        };
    }

    private JsonNode Get(ApiRequest request)
    {
        var policy = Policy(request);
        return new JsonObject
        {
            ["policyName"] = policy.Name,
            ["policyArn"] = policy.Arn,
            ["policyDocument"] = policy.Document,
            ["defaultVersionId"] = Text(policy.DefaultVersion),
            ["creationDate"] = DeviceRegistry.Epoch(policy.Created),
            ["lastModifiedDate"] = DeviceRegistry.Epoch(policy.Modified),
            ["generationId"] = policy.GenerationId,
        };
    }

    private JsonNode? Delete(ApiRequest request)
    {
        var policy = Policy(request);
        if (registry.TargetsOf(policy).Any())
            throw DeviceRegistry.Conflict($"The policy cannot be deleted as the policy is attached to one or more principals (name={policy.Name})");
        if (policy.Versions.Count > 1)
            throw DeviceRegistry.Conflict($"Cannot delete the policy because it has one or more policy versions attached to it (name={policy.Name})");
        registry.Policies.Remove(policy.Name);
        return null;
    }

    private JsonNode List(ApiRequest request) => ShowPage(request, registry.Policies.Values);

    public static JsonObject ShowPage(ApiRequest request, IEnumerable<Policy> policies) => request.MarkedPage(
        "policies", request.QueryFlag("isAscendingOrder", otherwise: true) ? policies : policies.Reverse(), p => p.Name,
        p => new JsonObject { ["policyName"] = p.Name, ["policyArn"] = p.Arn });

    private JsonNode CreateVersion(ApiRequest request)
    {
        var document = Document(request);
        var asDefault = request.QueryFlag("setAsDefault");
        var policy = Policy(request);
        if (policy.Versions.Count >= MaxVersions)
        {
            throw new ApiException(
                409, "VersionsLimitExceededException", $"The policy {policy.Name} already has the maximum number of versions ({MaxVersions})");
        }

        var version = AddVersion(policy, document);
        if (asDefault)
            policy.DefaultVersion = version.Id;
        return new JsonObject
        {
            ["policyArn"] = policy.Arn,
            ["policyDocument"] = document,
            ["policyVersionId"] = Text(version.Id),
            ["isDefaultVersion"] = policy.DefaultVersion == version.Id,
        };
    }

    private JsonNode GetVersion(ApiRequest request)
    {
        var policy = Policy(request);
        var version = Version(request, policy);
        return new JsonObject
        {
            ["policyArn"] = policy.Arn,
            ["policyName"] = policy.Name,
            ["policyDocument"] = version.Document,
            ["policyVersionId"] = Text(version.Id),
            ["isDefaultVersion"] = policy.DefaultVersion == version.Id,
            ["creationDate"] = DeviceRegistry.Epoch(version.Created),
            ["lastModifiedDate"] = DeviceRegistry.Epoch(version.Created),
            ["generationId"] = policy.GenerationId,
        };
    }

    private JsonNode? DeleteVersion(ApiRequest request)
    {
        var policy = Policy(request);
        var version = Version(request, policy);
        if (version.Id == policy.DefaultVersion)
            throw DeviceRegistry.Conflict($"Cannot delete the default version of a policy (name={policy.Name})");
        policy.Versions.Remove(version.Id);
        return null;
    }

    private JsonNode ListVersions(ApiRequest request)
    {
        var policy = Policy(request);
        return new JsonObject
        {
            ["policyVersions"] = new JsonArray([.. policy.Versions.Values.Reverse().Select(v => new JsonObject
            {
                ["versionId"] = Text(v.Id),
                ["isDefaultVersion"] = v.Id == policy.DefaultVersion,
                ["createDate"] = DeviceRegistry.Epoch(v.Created),
            })]),
        };
    }

    private JsonNode? SetDefault(ApiRequest request)
    {
        var policy = Policy(request);
        policy.DefaultVersion = Version(request, policy).Id;
        policy.Modified = time.GetUtcNow();
        return null;
    }

    private string Document(ApiRequest request)
    {
        var document = request.RequiredText("policyDocument");
        // White space does not count towards the limit.
        if (document.Count(c => !char.IsWhiteSpace(c)) > MaxDocument)
            throw Malformed($"Policy document is longer than {MaxDocument} characters");
        return findFault(document) is { } fault ? throw Malformed($"Policy document is Malformed: [{fault}]") : document;
    }

    private PolicyVersion AddVersion(Policy policy, string document)
    {
        var version = new PolicyVersion(++policy.LastVersion, document, time.GetUtcNow());
        policy.Versions.Add(version.Id, version);
        policy.Modified = version.Created;
        return version;
    }

    private Policy Policy(ApiRequest request) => registry.Policy(request.Label("policyName", Names.Policy));

    private static PolicyVersion Version(ApiRequest request, Policy policy)
    {
        var id = request.Label("policyVersionId", Names.PolicyVersion);
        return int.TryParse(id, out var number) && policy.Versions.TryGetValue(number, out var version)
            ? version
            : throw DeviceRegistry.NotFound($"Policy version {id} of {policy.Name} not found");
    }

    private static string Text(int version) => version.ToString(null, System.Globalization.CultureInfo.InvariantCulture);

    private static ApiException Malformed(string message) => new(400, "MalformedPolicyException", message);
}
