using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Jobs;
using Keyturn.LocalCloud.Registry;
using Keyturn.LocalCloud.Shadows;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>
/// The deployments, and their way to the devices: a job in a name space of its own for a group, the shadow of a name of its own for a single thing. The
/// latest revision of a target replaces the one before.
/// </summary>
internal sealed class DeploymentStore(JobsService jobs, ShadowService shadows, IDeviceDirectory directory)
{
    public const string JobNamespace = "aws-gg-deployment";
    private const string ShadowName = "AWSManagedGreengrassV2Deployment";

    private readonly List<GreengrassDeployment> _all = [];

    public Lock Gate { get; } = new();

    /// <summary>The newest first.</summary>
    public IEnumerable<GreengrassDeployment> All => Enumerable.Reverse(_all);

    public GreengrassDeployment? LatestOf(string targetArn) => _all.FindLast(d => d.TargetArn == targetArn);

    public GreengrassDeployment Find(string id) => _all.Find(d => d.Id == id) ?? throw GreengrassErrors.NotFound("DEPLOYMENT", id);

    public bool IsLatest(GreengrassDeployment deployment) => LatestOf(deployment.TargetArn) == deployment;

    /// <summary>Throws for a target that does not exist; then nothing has changed.</summary>
    public void Add(GreengrassDeployment deployment)
    {
        var former = LatestOf(deployment.TargetArn);
        if (deployment.IsOfGroup)
        {
            if (directory.ThingsInGroup(deployment.Target) is null)
                throw GreengrassErrors.NotFound("THING_GROUP", deployment.Target);
            deployment.JobId = jobs.CreateFor(JobNamespace, deployment.Document().ToJsonString(), deployment.JobConfiguration, deployment.TargetArn).Id;
            if (former?.JobId is { } job)
                jobs.CancelFor(job);
        }
        else
        {
            if (directory.FindThing(deployment.Target) is null)
                throw GreengrassErrors.NotFound("THING", deployment.Target);
            Tell(deployment, "SUCCEEDED");
        }

        _all.Add(deployment);
    }

    public void Cancel(GreengrassDeployment deployment)
    {
        deployment.IsCanceled = true;
        if (deployment.JobId is { } job)
            jobs.CancelFor(job);
        else
            Tell(deployment, "CANCELED");
    }

    public void Remove(GreengrassDeployment deployment) => _all.Remove(deployment);

    public string StatusOf(GreengrassDeployment deployment)
    {
        if (deployment.IsCanceled)
            return "CANCELED";
        if (deployment.JobId is { } id)
            return jobs.Read(all => all.GetValueOrDefault(id)?.Status) is JobStatus.InProgress ? "ACTIVE" : "CANCELED";
        return !IsLatest(deployment) ? "INACTIVE" : Reported(deployment)?["status"]?.ToString() switch
        {
            "SUCCEEDED" => "COMPLETED",
            "FAILED" or "REJECTED" => "FAILED",
            _ => "ACTIVE",
        };
    }

    /// <summary>How far a device has come with the deployment; null when it was never meant for it.</summary>
    public (string Status, string? Reason, DateTimeOffset Modified)? ExecutionOf(GreengrassDeployment deployment, string thing)
    {
        if (deployment.JobId is { } id)
        {
            return jobs.Read<(string, string?, DateTimeOffset)?>(all => all.GetValueOrDefault(id)?.Find(thing, null) is { Status: not ExecutionStatus.Removed } execution
                ? (Word(execution.Status), execution.Details is { } details ? Reason(details.GetValueOrDefault("detailed-deployment-status"), details.GetValueOrDefault("deployment-failure-cause")) : null, execution.LastUpdatedAt)
                : null);
        }

        if (deployment.IsOfGroup || deployment.Target != thing)
            return null;
        var reported = Reported(deployment);
        var status = reported?["status"]?.ToString() switch
        {
            null => deployment.IsCanceled ? "CANCELED" : "QUEUED",
            "SUCCEEDED" => "COMPLETED",
            var other => other,
        };
        return (status, Reason(reported?["statusDetails"]?["detailedStatus"]?.ToString(), reported?["statusDetails"]?["failureCause"]?.ToString()), deployment.Created);
    }

    private static string? Reason(string? status, string? cause) => cause is null ? status : $"{status}: {cause}";

    private static string Word(ExecutionStatus status) => status == ExecutionStatus.Succeeded ? "COMPLETED" : status.Name();

    private void Tell(GreengrassDeployment deployment, string wanted) => shadows.Update(deployment.Target, ShadowName, new ShadowUpdate(
        new JsonObject { ["desired"] = new JsonObject { ["fleetConfig"] = deployment.Document().ToJsonString(), ["desiredStatus"] = wanted } }, null, null));

    /// <summary>What the device said of this revision, and of no other.</summary>
    private JsonObject? Reported(GreengrassDeployment deployment)
    {
        try
        {
            var reported = shadows.Read(deployment.Target, ShadowName)["state"]?["reported"] as JsonObject;
            return reported?["fleetConfigurationArnForStatus"]?.ToString() == deployment.ConfigurationArn ? reported : null;
        }
        catch (ShadowException)
        {
            return null;
        }
    }
}
