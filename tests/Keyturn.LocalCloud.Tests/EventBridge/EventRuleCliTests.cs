using System.Net;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.EventBridge;

public sealed class EventRuleCliTests(LocalCloudProcess cloud)
{
    private const string Function = "arn:aws:lambda:us-east-1:012345678901:function:bash-echo";

    [Fact]
    public async Task A_rule_is_made_shown_changed_and_deleted_once_it_has_no_targets()
    {
        var name = $"rule-{Guid.NewGuid():N}";
        var made = await Aws("put-rule", "--name", name, "--schedule-expression", "rate(1 hour)", "--description", "sweeps");
        Assert.Equal($"arn:aws:events:us-east-1:012345678901:rule/{name}", made["RuleArn"]!.ToString());
        var shown = await Aws("describe-rule", "--name", name);
        Assert.Equal(("rate(1 hour)", "ENABLED", "sweeps"), (shown["ScheduleExpression"]!.ToString(), shown["State"]!.ToString(), shown["Description"]!.ToString()));
        await Aws("disable-rule", "--name", name);
        Assert.Equal("DISABLED", (await Aws("list-rules", "--name-prefix", name))["Rules"]![0]!["State"]!.ToString());
        await Aws("enable-rule", "--name", name);

        var put = await Aws("put-targets", "--rule", name, "--targets", $$"""[{"Id":"a","Arn":"{{Function}}","Input":"{\"n\":1}"}]""");
        Assert.Equal(0, put["FailedEntryCount"]!.GetValue<int>());
        Assert.Equal("""{"n":1}""", (await Aws("list-targets-by-rule", "--rule", name))["Targets"]![0]!["Input"]!.ToString());
        Assert.Contains(name, (await Aws("list-rule-names-by-target", "--target-arn", Function))["RuleNames"]!.AsArray().Select(n => n!.ToString()));
        Assert.Equal("ValidationException", await Refused("delete-rule", "--name", name));
        await Aws("remove-targets", "--rule", name, "--ids", "a");
        await Aws("delete-rule", "--name", name);
        Assert.Equal("ResourceNotFoundException", await Refused("describe-rule", "--name", name));
    }

    [Theory]
    [InlineData("put-rule", "--name", "r", "--schedule-expression", "rate(1 hours)")]
    [InlineData("put-rule", "--name", "r")]
    [InlineData("put-rule", "--name", "no spaces", "--schedule-expression", "rate(1 hour)")]
    [InlineData("put-rule", "--name", "r", "--event-pattern", """{"source":["aws.ec2"]}""")]
    [InlineData("put-targets", "--rule", "hourly", "--targets", """[{"Id":"x","Arn":"arn:aws:lambda:us-east-1:012345678901:function:f","Input":"{"}]""")]
    [InlineData("put-targets", "--rule", "hourly", "--targets", """[{"Id":"x","Arn":"arn:aws:ecs:us-east-1:012345678901:cluster/c"}]""")]
    public async Task What_can_not_be_scheduled_is_refused(params string[] arguments) => Assert.Equal("ValidationException", await Refused(arguments));

    [Fact]
    public async Task What_is_not_there_and_what_is_too_much_is_refused()
    {
        Assert.Equal("ResourceNotFoundException", await Refused("put-rule", "--name", "r", "--schedule-expression", "rate(1 hour)", "--event-bus-name", "other"));
        Assert.Equal("ResourceNotFoundException", await Refused("put-targets", "--rule", "none", "--targets", $"Id=a,Arn={Function}"));
        Assert.Equal("LimitExceededException", await Refused(
            "put-targets", "--rule", "hourly", "--targets", new JsonArray([.. Enumerable.Range(0, 6).Select(i => new JsonObject { ["Id"] = $"t{i}", ["Arn"] = Function })]).ToJsonString()));
    }

    [Fact]
    public async Task A_schedule_of_the_stack_is_fired_at_the_management_port_and_the_function_gets_its_input()
    {
        using var http = new HttpClient();
        var listed = JsonNode.Parse(await http.GetStringAsync(cloud.Management + "/schedules"))!.AsArray();
        Assert.Equal("rate(1 hour)", listed.Single(s => s!["name"]!.ToString() == "hourly")!["schedule"]!.ToString());
        using var fired = await http.PostAsync(cloud.Management + "/schedules/hourly", null);
        Assert.Equal((HttpStatusCode.Accepted, """{"targets":1}"""), (fired.StatusCode, await fired.Content.ReadAsStringAsync()));
        // The function fails as its input asks, and the failure carries the input.
        var url = (await cloud.Aws.RunAsync("sqs", "get-queue-url", "--queue-name", "scheduled-dead-letters"))["QueueUrl"]!.ToString();
        var received = await cloud.Aws.RunAsync("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "20");
        var record = JsonNode.Parse(received["Messages"]![0]!["Body"]!.ToString())!;
        Assert.Equal("hourly", JsonNode.Parse(record["requestPayload"]!.ToString())!["from"]!.ToString());
        using var none = await http.PostAsync(cloud.Management + "/schedules/none", null);
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    private Task<JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["events", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["events", .. arguments]);
}
