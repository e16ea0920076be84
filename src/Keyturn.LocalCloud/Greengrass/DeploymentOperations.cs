using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>Deployments, as an operator makes, watches and cancels them.</summary>
internal sealed class DeploymentOperations(DeploymentStore store, TimeProvider time)
{
    private static readonly MemberRule Target = new(0, 2048, "arn:[^:]*:iot:[^:]*:[0-9]+:(thing|thinggroup)/.+");
    private static readonly MemberRule Name = new(1, 256);
    private static readonly MemberRule History = new(values: ["ALL", "LATEST_ONLY"]);

    private readonly ClientTokens _tokens = new("DEPLOYMENT", time);

    public IEnumerable<ApiOperation> All => ((IEnumerable<ApiOperation>)[
        Operation("CreateDeployment", "POST", "/greengrass/v2/deployments", r => _tokens.Once(r, () => Create(r))),
        Operation("GetDeployment", "GET", "/greengrass/v2/deployments/{deploymentId}", Get),
        Operation("ListDeployments", "GET", "/greengrass/v2/deployments", List),
        Operation("CancelDeployment", "POST", "/greengrass/v2/deployments/{deploymentId}/cancel", Cancel),
        Operation("DeleteDeployment", "DELETE", "/greengrass/v2/deployments/{deploymentId}", Delete),
    ]).Saying("ValidationException");

    private ApiOperation Operation(string name, string method, string path, Func<ApiRequest, ApiResponse> answer) => new("greengrass", name, method, path, (request, _) =>
    {
        DeviceAccess.RefuseDevices(request);
        lock (store.Gate)
            return ValueTask.FromResult(answer(request));
    });

    private ApiResponse Create(ApiRequest request)
    {
        var target = request.RequiredText("targetArn", Target);
        if (!target.StartsWith(CloudAccount.Local.Arn("iot", "thing"), StringComparison.Ordinal))
            throw GreengrassErrors.Invalid($"The target {target} is of another account or region.");
        if (request.Json["parentTargetArn"] is not null)
            throw GreengrassErrors.Invalid("This cloud does not offer subdeployments: leave parentTargetArn out.");
        var deployment = new GreengrassDeployment(
            Guid.NewGuid().ToString(), target, request.Text("deploymentName", Name), (store.LatestOf(target)?.Revision ?? 0) + 1, DeploymentReader.Components(request),
            DeploymentReader.Policies(request), DeploymentReader.JobConfiguration(request, time.GetUtcNow()), DeploymentReader.Tags(request), time.GetUtcNow());
        store.Add(deployment);
        return Created(deployment);
    }

    private static ApiResponse Created(GreengrassDeployment deployment)
    {
        var json = new JsonObject { ["deploymentId"] = deployment.Id };
        AddJob(json, deployment);
        return new(201, json);
    }

    public static void AddJob(JsonObject json, GreengrassDeployment deployment)
    {
        if (deployment.JobId is not { } job)
            return;
        json["iotJobId"] = job;
        json["iotJobArn"] = CloudAccount.Local.Arn("iot", $"job/{job}");
    }

    private ApiResponse Get(ApiRequest request)
    {
        var deployment = Find(request);
        var json = Summary(deployment);
        AddJob(json, deployment);
        json["components"] = deployment.Components.DeepClone();
        json["deploymentPolicies"] = deployment.Policies.DeepClone();
        json["iotJobConfiguration"] = deployment.JobConfiguration.DeepClone();
        json["tags"] = deployment.Tags.DeepClone();
        return new(Json: json);
    }

    private ApiResponse List(ApiRequest request)
    {
        var target = request.QueryText("targetArn", Target);
        var all = request.QueryText("historyFilter", History) == "ALL";
        return new(Json: request.Page(
            "deployments", store.All.Where(d => (target is null || d.TargetArn == target) && (all || store.IsLatest(d))), d => d.Id, Summary, 100));
    }

    private ApiResponse Cancel(ApiRequest request)
    {
        var deployment = Find(request);
        if (store.StatusOf(deployment) is not "ACTIVE" and var status)
            throw GreengrassErrors.Conflict($"The deployment {deployment.Id} is {status} and can't be canceled.", "DEPLOYMENT", deployment.Id);
        store.Cancel(deployment);
        return new(Json: new JsonObject { ["message"] = "SUCCESS" });
    }

    private ApiResponse Delete(ApiRequest request)
    {
        var deployment = Find(request);
        if (store.StatusOf(deployment) == "ACTIVE")
            throw GreengrassErrors.Conflict($"The deployment {deployment.Id} is ACTIVE: cancel it, or make another for its target, first.", "DEPLOYMENT", deployment.Id);
        store.Remove(deployment);
        return new(204);
    }

    private GreengrassDeployment Find(ApiRequest request) => store.Find(request.Label("deploymentId"));

    private JsonObject Summary(GreengrassDeployment deployment)
    {
        var json = new JsonObject
        {
            ["targetArn"] = deployment.TargetArn, ["revisionId"] = $"{deployment.Revision}", ["deploymentId"] = deployment.Id,
            ["creationTimestamp"] = DeviceRegistry.Epoch(deployment.Created), ["deploymentStatus"] = store.StatusOf(deployment), ["isLatestForTarget"] = store.IsLatest(deployment),
        };
        if (deployment.Name is { } name)
            json["deploymentName"] = name;
        return json;
    }
}
