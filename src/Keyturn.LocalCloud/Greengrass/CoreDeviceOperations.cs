using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>Core devices as an operator sees them: their health, their components, their deployments.</summary>
internal sealed class CoreDeviceOperations(CoreDevices devices, DeploymentStore deployments, IDeviceDirectory directory)
{
    private const int MaxPage = 100;
    private static readonly MemberRule Status = new(values: ["HEALTHY", "UNHEALTHY"]);
    private static readonly MemberRule Topology = new(values: ["ALL", "ROOT"]);
    private static readonly MemberRule Thing = new(1, 128);
    private static readonly string GroupArn = CloudAccount.Local.Arn("iot", "thinggroup/");

    public IEnumerable<ApiOperation> All => ((IEnumerable<ApiOperation>)[
        Operation("ListCoreDevices", "GET", "/greengrass/v2/coreDevices", List),
        Operation("GetCoreDevice", "GET", "/greengrass/v2/coreDevices/{coreDeviceThingName}", r => new(Json: Show(Device(r)))),
        Operation("DeleteCoreDevice", "DELETE", "/greengrass/v2/coreDevices/{coreDeviceThingName}", Delete),
        Operation("ListInstalledComponents", "GET", "/greengrass/v2/coreDevices/{coreDeviceThingName}/installedComponents", ListComponents),
        Operation("ListEffectiveDeployments", "GET", "/greengrass/v2/coreDevices/{coreDeviceThingName}/effectiveDeployments", ListDeployments),
    ]).Saying("ValidationException");

    private static ApiOperation Operation(string name, string method, string path, Func<ApiRequest, ApiResponse> answer) => new("greengrass", name, method, path, (request, _) =>
    {
        DeviceAccess.RefuseDevices(request);
        return ValueTask.FromResult(answer(request));
    });

    private ApiResponse List(ApiRequest request)
    {
        var status = request.QueryText("status", Status);
        var group = request.QueryText("thingGroupArn");
        var members = group is null ? null
            : group.StartsWith(GroupArn, StringComparison.Ordinal) && directory.ThingsInGroup(group[GroupArn.Length..]) is { } things ? things
            : throw GreengrassErrors.Invalid($"There is no thing group {group}.");
        return new(Json: request.Page(
            "coreDevices", devices.All.Where(d => (status is null || d.Status == status) && members?.Contains(d.Thing) != false), d => d.Thing, d => new JsonObject
            {
                ["coreDeviceThingName"] = d.Thing, ["status"] = d.Status, ["lastStatusUpdateTimestamp"] = DeviceRegistry.Epoch(d.Heard),
            }, MaxPage));
    }

    private static JsonObject Show(CoreDevice device) => new()
    {
        ["coreDeviceThingName"] = device.Thing, ["coreVersion"] = device.Version, ["platform"] = device.Platform, ["architecture"] = device.Architecture,
        ["status"] = device.Status, ["lastStatusUpdateTimestamp"] = DeviceRegistry.Epoch(device.Heard), ["tags"] = new JsonObject(),
    };

    private ApiResponse Delete(ApiRequest request)
    {
        devices.Remove(Device(request).Thing);
        return new(204);
    }

    private ApiResponse ListComponents(ApiRequest request)
    {
        // Without a filter the service lists what deployments name, and not what these depend on.
        var rootsOnly = request.QueryText("topologyFilter", Topology) != "ALL";
        return new(Json: request.Page(
            "installedComponents", Device(request).Components.Where(c => c.IsRoot || !rootsOnly), c => c.Name, c => new JsonObject
            {
                ["componentName"] = c.Name, ["componentVersion"] = c.Version, ["lifecycleState"] = c.State, ["isRoot"] = c.IsRoot,
                ["lastStatusChangeTimestamp"] = DeviceRegistry.Epoch(c.Heard), ["lastReportedTimestamp"] = DeviceRegistry.Epoch(c.Heard),
            }, MaxPage));
    }

    private ApiResponse ListDeployments(ApiRequest request)
    {
        var thing = Device(request).Thing;
        lock (deployments.Gate)
        {
            var effective = deployments.All.Select(d => (Deployment: d, Execution: deployments.ExecutionOf(d, thing))).Where(e => e.Execution is not null);
            return new(Json: request.Page("effectiveDeployments", effective, e => e.Deployment.Id, e => Show(e.Deployment, e.Execution!.Value), MaxPage));
        }
    }

    private static JsonObject Show(GreengrassDeployment deployment, (string Status, string? Reason, DateTimeOffset Modified) execution)
    {
        var json = new JsonObject { ["deploymentId"] = deployment.Id, ["deploymentName"] = deployment.Name ?? "", ["targetArn"] = deployment.TargetArn };
        DeploymentOperations.AddJob(json, deployment);
        json["coreDeviceExecutionStatus"] = execution.Status;
        if (execution.Reason is { } reason)
            json["reason"] = reason;
        json["creationTimestamp"] = DeviceRegistry.Epoch(deployment.Created);
        json["modifiedTimestamp"] = DeviceRegistry.Epoch(execution.Modified);
        return json;
    }

    private CoreDevice Device(ApiRequest request)
    {
        var thing = request.Label("coreDeviceThingName", Thing);
        return devices.Find(thing) ?? throw GreengrassErrors.NotFound("CORE_DEVICE", thing);
    }
}
