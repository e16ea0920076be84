using System.Text.Json.Nodes;
using Keyturn.LocalCore.Deployments;

namespace Keyturn.LocalCore.Cloud;

/// <summary>Deployments of groups: IoT jobs of the namespace aws-gg-deployment.</summary>
internal sealed class DeploymentJobs(string thing, Action<string, JsonObject> publish, Action<ICloudOrder> order)
{
    private const string Space = "namespace-aws-gg-deployment";
    private const int LongestDetail = 1024;

    private readonly string prefix = $"$aws/things/{thing}/jobs";
    private readonly Lock gate = new();
    private readonly Dictionary<string, JsonObject?> known = [];

    public IEnumerable<(string Filter, Action<JsonObject> Hear)> Filters =>
    [
        ($"{prefix}/notify-next-{Space}", Hear),
        ($"{prefix}/$next/{Space}/get/accepted", Hear),
    ];

    public void Ask() => publish($"{prefix}/$next/{Space}/get", []);

    private void Hear(JsonObject message)
    {
        if (message["execution"] is not JsonObject execution || execution["jobId"]?.GetValue<string>() is not { } id)
            return;
        lock (gate)
        {
            // Its end was told, and did not arrive.
            if (known.TryGetValue(id, out var end))
            {
                if (end is not null)
                    Tell(id, (JsonObject)end.DeepClone());
                return;
            }
            known[id] = null;
        }
        order(new Order(execution["jobDocument"]?.DeepClone(), id, this));
    }

    private void Tell(string id, JsonObject update) => publish($"{prefix}/{id}/{Space}/update", update);

    private sealed class Order(JsonNode? document, string id, DeploymentJobs jobs) : ICloudOrder
    {
        public JsonNode? Document => document;

        public void Begin() => jobs.Tell(id, new() { ["status"] = "IN_PROGRESS" });

        public void End(DeploymentResult result)
        {
            var hasSucceeded = result.Status == DeploymentResult.Succeeded;
            var details = new JsonObject { ["detailed-deployment-status"] = hasSucceeded ? "SUCCESSFUL" : result.Status };
            if (result.Message is { Length: > 0 } cause)
                details["deployment-failure-cause"] = string.Concat(cause.Select(c => char.IsControl(c) ? ' ' : c).Take(LongestDetail));
            var update = new JsonObject { ["status"] = hasSucceeded ? "SUCCEEDED" : "FAILED", ["statusDetails"] = details };
            lock (jobs.gate)
                jobs.known[id] = (JsonObject)update.DeepClone();
            jobs.Tell(id, update);
        }
    }
}
