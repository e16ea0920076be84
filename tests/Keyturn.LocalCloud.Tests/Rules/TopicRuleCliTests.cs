using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Rules;

public sealed class TopicRuleCliTests(LocalCloudProcess cloud)
{
    private const string Function = "arn:aws:lambda:us-east-1:012345678901:function:bash-echo";

    [Fact]
    public async Task Rules_are_kept_with_the_AWS_CLI()
    {
        await Aws("create-topic-rule", "--rule-name", "cli_rule", "--topic-rule-payload", Payload("SELECT a FROM 'cli/+'"));
        Assert.Equal("ResourceAlreadyExistsException", await Refused("create-topic-rule", "--rule-name", "cli_rule", "--topic-rule-payload", Payload("SELECT a FROM 'cli/+'")));
        Assert.Equal("SqlParseException", await Refused("create-topic-rule", "--rule-name", "cli_bad", "--topic-rule-payload", Payload("SELECT nosuch() FROM 'cli/+'")));

        await Aws("disable-topic-rule", "--rule-name", "cli_rule");
        var shown = await Aws("get-topic-rule", "--rule-name", "cli_rule");
        Assert.True((bool)shown["rule"]!["ruleDisabled"]!);
        Assert.Equal(Function, (string)shown["rule"]!["actions"]![0]!["lambda"]!["functionArn"]!);
        await Aws("enable-topic-rule", "--rule-name", "cli_rule");
        await Aws("replace-topic-rule", "--rule-name", "cli_rule", "--topic-rule-payload", Payload("SELECT b FROM 'cli/other'"));

        var listed = await Aws("list-topic-rules", "--topic", "cli/other", "--page-size", "1");
        Assert.Equal("cli_rule", (string)Assert.Single(listed["rules"]!.AsArray())!["ruleName"]!);
        await Aws("delete-topic-rule", "--rule-name", "cli_rule");
        Assert.Equal("UnauthorizedException", await Refused("get-topic-rule", "--rule-name", "cli_rule"));
    }

    private static string Payload(string sql) => new JsonObject
    {
        ["sql"] = sql,
        ["awsIotSqlVersion"] = "2016-03-23",
        ["actions"] = new JsonArray(new JsonObject { ["lambda"] = new JsonObject { ["functionArn"] = Function } }),
    }.ToJsonString();

    private Task<JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["iot", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["iot", .. arguments]);
}
