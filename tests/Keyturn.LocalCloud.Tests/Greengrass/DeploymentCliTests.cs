using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Greengrass;

/// <summary>greengrassv2 through Debian's CLI: deployments, as an operator makes and cancels them.</summary>
public sealed class DeploymentCliTests(LocalCloudProcess cloud)
{
    private const string Arn = "arn:aws:iot:us-east-1:012345678901:";
    private readonly string _group = $"group-{Guid.NewGuid():N}";
    private readonly string _thing = $"thing-{Guid.NewGuid():N}";

    [Fact]
    public async Task A_new_deployment_of_a_group_replaces_the_former()
    {
        await MakeGroup();
        var first = await Api(
            "create-deployment", "--target-arn", Arn + "thinggroup/" + _group, "--deployment-name", "one",
            "--components", """{"com.example.A":{"componentVersion":"1.0.0","configurationUpdate":{"merge":"{\"a\":1}","reset":["/b"]}}}""",
            "--iot-job-configuration", """{"jobExecutionsRolloutConfig":{"maximumPerMinute":100},"timeoutConfig":{"inProgressTimeoutInMinutes":30}}""",
            "--deployment-policies", """{"failureHandlingPolicy":"DO_NOTHING","componentUpdatePolicy":{"timeoutInSeconds":120}}""");
        var got = await Api("get-deployment", "--deployment-id", Id(first));
        Assert.Equal(("one", "ACTIVE", "1", true), (got["deploymentName"]!.ToString(), got["deploymentStatus"]!.ToString(), got["revisionId"]!.ToString(), got["isLatestForTarget"]!.GetValue<bool>()));
        Assert.True(JsonNode.DeepEquals(got["deploymentPolicies"], JsonNode.Parse("""
            {"failureHandlingPolicy":"DO_NOTHING","componentUpdatePolicy":{"timeoutInSeconds":120,"action":"NOTIFY_COMPONENTS"},"configurationValidationPolicy":{"timeoutInSeconds":60}}
            """)), got.ToJsonString());
        Assert.Equal("""{"a":1}""", got["components"]!["com.example.A"]!["configurationUpdate"]!["merge"]!.ToString());

        // It is a job like others, of a namespace of its own.
        var job = (await cloud.Aws.RunAsync("iot", "describe-job", "--job-id", first["iotJobId"]!.ToString()))["job"]!;
        Assert.Equal(("CONTINUOUS", "IN_PROGRESS", "aws-gg-deployment", 30), (job["targetSelection"]!.ToString(), job["status"]!.ToString(), job["namespaceId"]!.ToString(), job["timeoutConfig"]!["inProgressTimeoutInMinutes"]!.GetValue<int>()));
        var jobs = await cloud.Aws.RunAsync("iot", "list-jobs", "--namespace-id", "aws-gg-deployment", "--thing-group-name", _group);
        Assert.Equal(first["iotJobId"]!.ToString(), Assert.Single(jobs["jobs"]!.AsArray())!["jobId"]!.ToString());

        var second = await Deploy(Arn + "thinggroup/" + _group);
        Assert.Equal((false, "CANCELED"), (await Latest(first), await Status(first)));
        Assert.Equal("CANCELED", (await cloud.Aws.RunAsync("iot", "describe-job", "--job-id", first["iotJobId"]!.ToString()))["job"]!["status"]!.ToString());
        var latest = Assert.Single((await Api("list-deployments", "--target-arn", Arn + "thinggroup/" + _group))["deployments"]!.AsArray())!;
        Assert.Equal((Id(second), "2"), (latest["deploymentId"]!.ToString(), latest["revisionId"]!.ToString()));
        var all = await Api("list-deployments", "--target-arn", Arn + "thinggroup/" + _group, "--history-filter", "ALL", "--page-size", "1");
        Assert.Equal([Id(second), Id(first)], all["deployments"]!.AsArray().Select(d => d!["deploymentId"]!.ToString()));

        Assert.Equal("ConflictException", await Refused("cancel-deployment", "--deployment-id", Id(first)));
        Assert.Equal("ConflictException", await Refused("delete-deployment", "--deployment-id", Id(second)));
        Assert.Equal("SUCCESS", (await Api("cancel-deployment", "--deployment-id", Id(second)))["message"]!.ToString());
        Assert.Equal("CANCELED", await Status(second));
        await Api("delete-deployment", "--deployment-id", Id(first));
        Assert.Equal("ResourceNotFoundException", await Refused("get-deployment", "--deployment-id", Id(first)));
    }

    [Fact]
    public async Task A_single_thing_learns_of_its_deployment_by_a_shadow()
    {
        await cloud.Aws.RunAsync("iot", "create-thing", "--thing-name", _thing);
        var first = await Deploy(Arn + "thing/" + _thing, "--client-token", "t" + _thing[6..]);
        Assert.Equal(Id(first), Id(await Deploy(Arn + "thing/" + _thing, "--client-token", "t" + _thing[6..])));
        Assert.Equal("ConflictException", await Refused("create-deployment", "--target-arn", Arn + "thing/" + _thing, "--client-token", "t" + _thing[6..]));
        Assert.Null(first["iotJobId"]);
        var file = Path.GetTempFileName();
        await cloud.Aws.RunAsync("iot-data", "get-thing-shadow", "--thing-name", _thing, "--shadow-name", "AWSManagedGreengrassV2Deployment", file);
        var desired = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!["state"]!["desired"]!;
        File.Delete(file);
        Assert.Equal("SUCCEEDED", desired["desiredStatus"]!.ToString());
        var document = JsonNode.Parse(desired["fleetConfig"]!.ToString())!;
        Assert.Equal(Id(first), document["deploymentId"]!.ToString());
        Assert.Equal($"arn:aws:greengrass:us-east-1:012345678901:configuration:thing/{_thing}:1", document["configurationArn"]!.ToString());
        Assert.Equal("1.0.0", document["components"]!["com.example.A"]!["version"]!.ToString());

        await Deploy(Arn + "thing/" + _thing);

        Assert.Equal("INACTIVE", await Status(first));
    }

    [Fact]
    public async Task What_can_not_be_deployed_is_refused_and_changes_nothing()
    {
        await MakeGroup();
        var group = Arn + "thinggroup/" + _group;
        Assert.Equal("ResourceNotFoundException", await Refused("create-deployment", "--target-arn", Arn + "thinggroup/none-" + _group));
        Assert.Equal("ResourceNotFoundException", await Refused("create-deployment", "--target-arn", Arn + "thing/none-" + _group));
        Assert.Equal("ValidationException", await Refused("create-deployment", "--target-arn", "arn:aws:iot:us-east-1:999999999999:thinggroup/" + _group));
        Assert.Equal("ValidationException", await Refused("create-deployment", "--target-arn", "arn:aws:s3:::bucket"));
        foreach (var components in (string[])["""{"A":{}}""", """{"A":{"componentVersion":"1"}}""", """{"A":{"componentVersion":"1.0.0","configurationUpdate":{"merge":"[1]"}}}""", """{"A":{"componentVersion":"1.0.0","configurationUpdate":{"merge":"{"}}}"""])
            Assert.Equal("ValidationException", await Refused("create-deployment", "--target-arn", group, "--components", components));
        Assert.Equal("ValidationException", await Refused("create-deployment", "--target-arn", group, "--deployment-policies", """{"failureHandlingPolicy":"PRAY"}"""));
        Assert.Equal("ValidationException", await Refused("create-deployment", "--target-arn", group, "--deployment-policies", """{"componentUpdatePolicy":{"timeoutInSeconds":0}}"""));
        Assert.Equal("ValidationException", await Refused("create-deployment", "--target-arn", group, "--iot-job-configuration", """{"timeoutConfig":{"inProgressTimeoutInMinutes":0}}"""));
        Assert.Empty((await Api("list-deployments", "--target-arn", group))["deployments"]!.AsArray());
        Assert.Empty((await cloud.Aws.RunAsync("iot", "list-jobs", "--thing-group-name", _group))["jobs"]!.AsArray());
        foreach (var command in (string[])["get-core-device", "delete-core-device", "list-installed-components", "list-effective-deployments"])
            Assert.Equal("ResourceNotFoundException", await Refused(command, "--core-device-thing-name", _thing));
        Assert.Equal("ValidationException", await Refused("list-core-devices", "--thing-group-arn", Arn + "thinggroup/none-" + _group));
    }

    private Task<JsonNode> MakeGroup() => cloud.Aws.RunAsync("iot", "create-thing-group", "--thing-group-name", _group);

    private Task<JsonNode> Deploy(string target, params string[] more) =>
        Api(["create-deployment", "--target-arn", target, "--components", """{"com.example.A":{"componentVersion":"1.0.0"}}""", .. more]);

    private async Task<string> Status(JsonNode deployment) => (await Api("get-deployment", "--deployment-id", Id(deployment)))["deploymentStatus"]!.ToString();

    private async Task<bool> Latest(JsonNode deployment) => (await Api("get-deployment", "--deployment-id", Id(deployment)))["isLatestForTarget"]!.GetValue<bool>();

    private static string Id(JsonNode deployment) => deployment["deploymentId"]!.ToString();

    private Task<JsonNode> Api(params string[] arguments) => cloud.Aws.RunAsync(["greengrassv2", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["greengrassv2", .. arguments]);
}
