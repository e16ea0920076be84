using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.EndToEnd.Tests.Integration;

/// <summary>Changes the component's configuration by deployments of the group, which keep all that its deployment had.</summary>
internal sealed class FleetDeployments(FleetUnderTest fleet)
{
    private const string Component = "aws.greengrass.labs.CertificateRotator";

    /// <summary>What a revision takes over from the one before.</summary>
    private static readonly string[] Kept = ["deploymentName", "deploymentPolicies", "iotJobConfiguration", "tags"];

    private JsonObject? former;

    /// <summary>A group of somebody's fleet is left with a deployment, so it must have one.</summary>
    public async Task<bool> MayBeMadeAsync() => fleet.IsLocal || (await FormerAsync()).Count > 0;

    /// <returns>What became of it on each device.</returns>
    public async Task<IReadOnlyList<(string Thing, string Status, string Reason)>> ConfigureAsync(string merge) =>
        await DeployAsync(new JsonObject { ["merge"] = merge });

    /// <summary>The configuration that the group's deployment had before, and defaults for what the cases have changed.</summary>
    public async Task<IReadOnlyList<(string Thing, string Status, string Reason)>> RestoreAsync()
    {
        var update = new JsonObject { ["reset"] = new JsonArray("/keyAlgorithm", "/signingAlgorithm") };
        if ((await FormerAsync())["components"]?[Component]?["configurationUpdate"]?["merge"] is { } merge)
            update["merge"] = merge.DeepClone();
        return await DeployAsync(update);
    }

    private async Task<IReadOnlyList<(string Thing, string Status, string Reason)>> DeployAsync(JsonObject update)
    {
        var before = await FormerAsync();
        var components = before["components"]?.DeepClone().AsObject() ?? [];
        var ours = components[Component]?.AsObject() ?? new JsonObject { ["componentVersion"] = await InstalledVersionAsync() };
        ours["configurationUpdate"] = update;
        components[Component] = ours;
        var request = new JsonObject { ["targetArn"] = await TargetAsync(), ["components"] = components };
        foreach (var member in Kept)
        {
            if (before[member] is { } value and not JsonObject { Count: 0 })
                request[member] = value.DeepClone();
        }

        var made = await fleet.Aws.JsonAsync("greengrassv2", "create-deployment", "--cli-input-json", request.ToJsonString());
        var id = made.GetProperty("deploymentId").GetString()!;
        var ends = new List<(string, string, string)>();
        foreach (var thing in fleet.Things)
        {
            var end = await fleet.EventuallyAsync($"{thing} ends the deployment {id}", () => OnAsync(thing, id), on => on is not (null or { Status: "QUEUED" or "IN_PROGRESS" }));
            ends.Add((thing, end!.Value.Status, end.Value.Reason));
        }

        return ends;
    }

    private async Task<(string Status, string Reason)?> OnAsync(string thing, string deployment)
    {
        // A core that has not reported yet is not known.
        var answer = await fleet.Aws.RunAsync("greengrassv2", "list-effective-deployments", "--core-device-thing-name", thing);
        if (answer.ExitCode != 0 && answer.Error.Contains("ResourceNotFoundException", StringComparison.Ordinal))
            return null;
        Assert.True(answer.ExitCode == 0, answer.Error);
        foreach (var effective in JsonDocument.Parse(answer.Output).RootElement.GetProperty("effectiveDeployments").EnumerateArray())
        {
            if (effective.GetProperty("deploymentId").GetString() == deployment)
                return (effective.GetProperty("coreDeviceExecutionStatus").GetString()!, effective.TryGetProperty("reason", out var reason) ? reason.GetString()! : "");
        }

        return null;
    }

    private async Task<JsonObject> FormerAsync()
    {
        if (former is not null)
            return former;
        var listed = await fleet.Aws.JsonAsync("greengrassv2", "list-deployments", "--target-arn", await TargetAsync());
        former = listed.GetProperty("deployments").EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.Object } latest
            ? JsonNode.Parse((await fleet.Aws.JsonAsync("greengrassv2", "get-deployment", "--deployment-id", latest.GetProperty("deploymentId").GetString()!)).GetRawText())!.AsObject()
            : [];
        return former;
    }

    private async Task<string> InstalledVersionAsync()
    {
        var answer = await fleet.EventuallyAsync(
            $"{fleet.Things[0]} reports {Component}",
            () => fleet.Aws.RunAsync("greengrassv2", "list-installed-components", "--core-device-thing-name", fleet.Things[0], "--topology-filter", "ALL"),
            reported => reported.ExitCode == 0 && reported.Output.Contains(Component, StringComparison.Ordinal));
        return JsonDocument.Parse(answer.Output).RootElement.GetProperty("installedComponents").EnumerateArray()
            .Single(c => c.GetProperty("componentName").GetString() == Component).GetProperty("componentVersion").GetString()!;
    }

    private async Task<string> TargetAsync() =>
        (await fleet.Aws.JsonAsync("iot", "describe-thing-group", "--thing-group-name", fleet.ThingGroup)).GetProperty("thingGroupArn").GetString()!;
}
