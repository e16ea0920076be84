using System.Text.Json.Nodes;

namespace Keyturn.EndToEnd.Tests.Deploying;

/// <summary>A small component of somebody's, deployed to one thing, which learns of it by its shadow.</summary>
public sealed class OneCore
{
    private const string Small = "com.example.Small";
    private const string Content = "#!/bin/sh\necho hello from $1\nexec sleep 600\n";

    [Fact]
    public async Task Takes_what_was_published_and_nothing_else_goes_back_when_it_breaks_and_drops_what_is_not_named_any_more()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.ProvisionAsync("gateway-01");
        await fleet.StartBareCoreAsync(device);
        var somebody = await Operator.AtWorkAsync(fleet);
        await fleet.Aws.JsonAsync(
            "iam", "put-role-policy", "--role-name", "GreengrassV2TokenExchangeRole", "--policy-name", "Artifacts", "--policy-document",
            """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}""");
        await UploadAsync(fleet, Content);
        await PublishAsync(fleet, "1.0.0", "run", "{artifacts:path}/run.sh one");
        // What only runs is RUNNING at once, whatever becomes of it; what starts up has to get there.
        await PublishAsync(fleet, "1.1.0", "startup", "exit 1");

        await UploadAsync(fleet, Content + "echo and more\n");
        var tampered = await DeployAsync(fleet, somebody, "1.0.0");
        await UploadAsync(fleet, Content);
        var taken = await DeployAsync(fleet, somebody, "1.0.0");
        var broken = await DeployAsync(fleet, somebody, "1.1.0");
        var after = await somebody.InstalledOnAsync("gateway-01");
        var dropped = await DeployAsync(fleet, somebody, version: null);

        Assert.Equal("FAILED", tampered.Status);
        Assert.Contains("is not what was published", tampered.Reason, StringComparison.Ordinal);
        Assert.Equal(("COMPLETED", "SUCCESSFUL"), taken);
        Assert.Equal("FAILED", broken.Status);
        Assert.StartsWith("FAILED_ROLLBACK_COMPLETE", broken.Reason, StringComparison.Ordinal);
        Assert.Equal("1.0.0", after[Small]);
        // Once when it came, and once when it came back.
        Assert.Equal(2, (await File.ReadAllTextAsync(Path.Combine(device.Root, "logs", Small + ".log"), TestContext.Current.CancellationToken)).Split("hello from one").Length - 1);
        Assert.Equal("COMPLETED", dropped.Status);
        Assert.DoesNotContain(Small, (await somebody.InstalledOnAsync("gateway-01")).Keys);
    }

    private static async Task UploadAsync(LocalFleet fleet, string content)
    {
        var file = fleet.DirectoryOf("run.sh");
        await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        await fleet.Aws.JsonAsync("s3api", "put-object", "--bucket", Operator.Bucket, "--key", "small/run.sh", "--body", file);
    }

    private static async Task PublishAsync(LocalFleet fleet, string version, string phase, string command)
    {
        var file = fleet.DirectoryOf($"small-{version}.json");
        await File.WriteAllTextAsync(
            file,
            new JsonObject
            {
                ["RecipeFormatVersion"] = "2020-01-25", ["ComponentName"] = Small, ["ComponentVersion"] = version,
                ["Manifests"] = new JsonArray(new JsonObject
                {
                    ["Platform"] = new JsonObject { ["os"] = "linux" }, ["Lifecycle"] = new JsonObject { [phase] = command },
                    ["Artifacts"] = new JsonArray(new JsonObject
                    {
                        ["Uri"] = $"s3://{Operator.Bucket}/small/run.sh", ["Permission"] = new JsonObject { ["Read"] = "ALL", ["Execute"] = "ALL" },
                    }),
                }),
            }.ToJsonString(),
            TestContext.Current.CancellationToken);
        await fleet.Aws.JsonAsync("greengrassv2", "create-component-version", "--inline-recipe", "fileb://" + file);
    }

    private static async Task<(string Status, string Reason)> DeployAsync(LocalFleet fleet, Operator somebody, string? version)
    {
        var made = await fleet.Aws.JsonAsync(
            "greengrassv2", "create-deployment", "--target-arn", "arn:aws:iot:us-east-1:012345678901:thing/gateway-01",
            "--components", version is null ? "{}" : new JsonObject { [Small] = new JsonObject { ["componentVersion"] = version } }.ToJsonString());
        var id = made.GetProperty("deploymentId").GetString();
        var end = await LocalFleet.EventuallyAsync(
            () => somebody.LatestOnAsync("gateway-01"), latest => latest.Deployment == id && latest.Status is not ("QUEUED" or "IN_PROGRESS"));
        return (end.Status, end.Reason);
    }
}
