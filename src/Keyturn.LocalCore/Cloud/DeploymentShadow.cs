using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Deployments;

namespace Keyturn.LocalCore.Cloud;

/// <summary>Deployments of this thing alone: the named shadow AWSManagedGreengrassV2Deployment, desired by the cloud and reported on by the core.</summary>
internal sealed class DeploymentShadow(string thing, Action<string, JsonObject> publish, Action<ICloudOrder> order)
{
    private const string InProgress = "IN_PROGRESS";
    private readonly string prefix = $"$aws/things/{thing}/shadow/name/AWSManagedGreengrassV2Deployment";
    private readonly Lock gate = new();
    private string? last;
    private long version;

    public IEnumerable<(string Filter, Action<JsonObject> Hear)> Filters => [($"{prefix}/update/accepted", Hear), ($"{prefix}/get/accepted", Hear)];

    public void Ask() => publish($"{prefix}/get", []);

    private void Hear(JsonObject message)
    {
        if (message["state"]?["desired"] is not JsonObject desired || desired["fleetConfig"]?.GetValue<string>() is not { } text)
            return;
        var document = JsonNode.Parse(text);
        if (document?["configurationArn"]?.GetValue<string>() is not { } arn)
            return;
        var reported = message["state"]?["reported"] as JsonObject;
        lock (gate)
        {
            var told = message["version"]?.GetValue<long>() ?? 0;
            if (told < version || last == arn)
                return;
            (version, last) = (told, arn);
            var isOver = reported?["fleetConfigurationArnForStatus"]?.ToString() == arn && reported["status"]?.ToString() != InProgress;
            if (isOver || desired["desiredStatus"]?.ToString() == "CANCELED")
                return;
        }
        order(new Order(document, arn, this));
    }

    private void Report(string arn, string status, JsonObject? details) => publish($"{prefix}/update", new()
    {
        ["state"] = new JsonObject
        {
            ["reported"] = new JsonObject
            {
                ["fleetConfigurationArnForStatus"] = arn, ["status"] = status, ["statusDetails"] = details, ["ggcVersion"] = NucleusSettings.Version,
            },
        },
    });

    private sealed class Order(JsonNode document, string arn, DeploymentShadow shadow) : ICloudOrder
    {
        public JsonNode? Document => document;

        public void Begin() => shadow.Report(arn, InProgress, null);

        public void End(DeploymentResult result)
        {
            var hasSucceeded = result.Status == DeploymentResult.Succeeded;
            shadow.Report(arn, hasSucceeded ? "SUCCEEDED" : "FAILED", new()
            {
                ["detailedStatus"] = hasSucceeded ? "SUCCESSFUL" : result.Status, ["failureCause"] = result.Message,
            });
        }
    }
}
