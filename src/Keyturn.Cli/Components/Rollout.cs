using System.Text.Json.Nodes;
using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.Cli.Components;

/// <summary>
/// <c>keyturn component deploy</c>. A new deployment of a group replaces the one it had, so this one is that one with our component in it: every other
/// component, every configuration and policy stays.
/// </summary>
internal sealed record Rollout(string RecipeFile, string ThingGroup, string? Version, TimeSpan Patience, bool Json)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>What a revision takes over. Not what only the old one is: its id, job, state and times.</summary>
    private static readonly string[] Kept = ["deploymentName", "deploymentPolicies", "iotJobConfiguration", "parentTargetArn", "tags"];

    public async Task<int> RunAsync(TimeProvider time, CancellationToken stop)
    {
        var recipe = ComponentRecipe.Read(RecipeFile);
        var version = ComponentRecipe.CheckVersion(Version ?? recipe.Version);
        using var greengrass = new GreengrassClient();
        using var fleet = new IotFleetClient();
        var group = await FindGroupAsync(fleet, stop);
        if (await new PublishedComponent(greengrass, recipe.Name, time).FindVersionAsync(version, stop) is null)
            throw new UserException($"{recipe.Name} {version} is not published in this account and region. Nothing was changed. Run 'keyturn component publish' first.");

        var current = await ReadAsync("greengrass:ListDeployments", () => greengrass.FindLatestDeploymentAsync(group, stop));
        var before = current is null ? [] : await ReadAsync("greengrass:GetDeployment", () => greengrass.GetDeploymentAsync(current, stop));
        var deployment = await AwsFaults.ExplainAsync(
            "greengrass:CreateDeployment", "Nothing was changed.", () => greengrass.CreateDeploymentAsync(Revision(before, group, recipe.Name, version), stop));

        var anybody = await ReadAsync("iot:ListThingsInThingGroup", () => fleet.HasThingsAsync(ThingGroup, stop));
        var progress = anybody && deployment.IotJobId is { } job ? await WaitAsync(fleet, job, time, stop) : new JobProgress();
        ComponentReport.Print(
            Json,
            [
                ("component", recipe.Name), ("version", version), ("thingGroup", ThingGroup), ("deploymentId", deployment.DeploymentId),
                ("succeeded", progress.NumberOfSucceededThings), ("notSucceeded", progress.NotSucceeded), ("underWay", progress.UnderWay),
            ]);
        if (!anybody)
            Console.Error.WriteLine($"keyturn: no thing is in {ThingGroup} yet; those that join it get the component.");
        else if (progress.UnderWay > 0)
            Console.Error.WriteLine($"keyturn: {progress.UnderWay} devices have not answered in {Patience.TotalSeconds:0} s; the deployment goes on without this command, and waits for devices that are offline.");
        return progress is { NotSucceeded: 0, UnderWay: 0 } ? ExitCode.Done : ExitCode.PartFailed;
    }

    internal static JsonObject Revision(JsonObject before, string targetArn, string component, string version)
    {
        var revision = new JsonObject { ["targetArn"] = targetArn };
        foreach (var member in Kept)
        {
            if (before[member] is { } value)
                revision[member] = value.DeepClone();
        }

        var components = before["components"]?.DeepClone() as JsonObject ?? [];
        if (components[component] is not JsonObject ours)
            components[component] = ours = [];
        ours["componentVersion"] = version;
        revision["components"] = components;
        return revision;
    }

    private async Task<string> FindGroupAsync(IotFleetClient fleet, CancellationToken stop)
    {
        try
        {
            return (await ReadAsync("iot:DescribeThingGroup", () => fleet.DescribeThingGroupAsync(ThingGroup, stop))).ThingGroupArn;
        }
        catch (AmazonServiceException error) when (error.ErrorCode == "ResourceNotFoundException")
        {
            throw new UserException($"there is no thing group {ThingGroup} in this account and region. Nothing was changed. 'aws iot list-thing-groups' lists them.", error);
        }
    }

    private async Task<JobProgress> WaitAsync(IotFleetClient fleet, string job, TimeProvider time, CancellationToken stop)
    {
        var began = time.GetTimestamp();
        var progress = new JobProgress();
        // A job that has just been made counts nobody yet.
        while (progress.All == 0 || progress.UnderWay > 0)
        {
            if (time.GetElapsedTime(began) >= Patience)
                break;
            await Task.Delay(Pause, time, stop);
            progress = await AwsFaults.ExplainAsync(
                "iot:DescribeJob", "The deployment was created and goes on.", () => fleet.FindProgressAsync(job, stop)) ?? progress;
        }

        return progress;
    }

    private static Task<T> ReadAsync<T>(string permission, Func<Task<T>> call) => AwsFaults.ExplainAsync(permission, "Nothing was changed.", call);
}
