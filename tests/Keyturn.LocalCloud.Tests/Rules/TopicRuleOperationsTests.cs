using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Rules;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.Rules;

public sealed class TopicRuleOperationsTests
{
    private readonly TopicRules _rules = new(new CloudAccount(), new FakeTimeProvider(Sql.Now));

    [Fact]
    public async Task A_rule_is_shown_as_it_was_created()
    {
        var created = await Call("CreateTopicRule", "MyRule", Rule());
        var shown = (await Call("GetTopicRule", "MyRule")).Json!;

        Assert.Null(created.Json);
        Assert.Equal("arn:aws:iot:us-east-1:012345678901:rule/MyRule", (string)shown["ruleArn"]!);
        var rule = shown["rule"]!;
        Assert.Equal("SELECT a FROM 'x/+'", (string)rule["sql"]!);
        Assert.Equal(Sql.Now.ToUnixTimeSeconds(), (long)rule["createdAt"]!);
        Assert.False((bool)rule["ruleDisabled"]!);
        Assert.Equal("2016-03-23", (string)rule["awsIotSqlVersion"]!);
        Assert.True(JsonNode.DeepEquals(Rule()["actions"], rule["actions"]));
    }

    [Fact]
    public async Task Rules_are_listed_by_topic_and_state_in_pages()
    {
        foreach (var name in new[] { "a", "b", "c" })
            await Call("CreateTopicRule", name, Rule(name == "b" ? "SELECT * FROM 'other'" : "SELECT a FROM 'x/+'"));
        await Call("DisableTopicRule", "c");

        var first = (await _rules.Operations.CallAsync("ListTopicRules", query: [("maxResults", "2")])).Json!;
        var second = (await _rules.Operations.CallAsync("ListTopicRules", query: [("maxResults", "2"), ("nextToken", (string)first["nextToken"]!)])).Json!;
        var byTopic = (await _rules.Operations.CallAsync("ListTopicRules", query: [("topic", "other")])).Json!;
        var disabled = (await _rules.Operations.CallAsync("ListTopicRules", query: [("ruleDisabled", "true")])).Json!;

        Assert.Equal(["a", "b"], Names(first));
        Assert.Equal(["c"], Names(second));
        Assert.Null(second["nextToken"]);
        Assert.Equal(["b"], Names(byTopic));
        Assert.Equal("other", (string)byTopic["rules"]![0]!["topicPattern"]!);
        Assert.Equal(["c"], Names(disabled));
    }

    [Fact]
    public async Task Replacing_keeps_the_name_and_deleting_ends_it()
    {
        await Call("CreateTopicRule", "r", Rule());
        await Call("ReplaceTopicRule", "r", Rule("SELECT b FROM 'y'"));
        Assert.Equal("SELECT b FROM 'y'", (string)(await Call("GetTopicRule", "r")).Json!["rule"]!["sql"]!);

        await Call("DeleteTopicRule", "r");
        foreach (var name in new[] { "GetTopicRule", "EnableTopicRule", "DisableTopicRule", "DeleteTopicRule" })
            Assert.Equal((401, "UnauthorizedException"), Error(await Call(name, "r").RefusedAsync()));
        Assert.Equal((401, "UnauthorizedException"), Error(await Call("ReplaceTopicRule", "r", Rule()).RefusedAsync()));
    }

    [Fact]
    public async Task The_same_name_twice_is_a_conflict()
    {
        await Call("CreateTopicRule", "r", Rule());

        Assert.Equal((409, "ResourceAlreadyExistsException"), Error(await Call("CreateTopicRule", "r", Rule()).RefusedAsync()));
    }

    [Theory]
    [InlineData("""{"actions":[]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'"}""", "InvalidRequestException")]
    [InlineData("""{"sql":7,"actions":[]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT FROM","actions":[]}""", "SqlParseException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"republish":{"topic":"${","roleArn":"r"}}]}""", "SqlParseException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"republish":{"topic":"${nosuch()}","roleArn":"r"}}]}""", "SqlParseException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"republish":{"topic":"t"}}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"republish":{"topic":"t","roleArn":"r","qos":2}}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"lambda":{}}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"lambda":{"functionArn":"f"},"sns":{"targetArn":"t","roleArn":"r"}}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"sns":{"targetArn":"t","roleArn":"r","messageFormat":"XML"}}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{"s3":{"bucketName":"b"}}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":["lambda"]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[null]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[{},{},{},{},{},{},{},{},{},{},{}]}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[],"awsIotSqlVersion":"2020-01-01"}""", "InvalidRequestException")]
    [InlineData("""{"sql":"SELECT * FROM 'a'","actions":[],"ruleDisabled":"no"}""", "InvalidRequestException")]
    public async Task A_bad_rule_is_refused_with_the_code_of_AWS(string payload, string code)
    {
        var refused = await Call("CreateTopicRule", "r", JsonNode.Parse(payload)!.AsObject()).RefusedAsync();

        Assert.Equal((400, code), Error(refused));
        Assert.Empty(_rules.All);
    }

    [Theory]
    [InlineData("my-rule")]
    [InlineData("a b")]
    public async Task A_name_outside_the_pattern_is_refused(string name) =>
        Assert.Equal((400, "InvalidRequestException"), Error(await Call("CreateTopicRule", name, Rule()).RefusedAsync()));

    private static (int, string) Error(ApiException e) => (e.Status, e.Code);

    private static IEnumerable<string> Names(JsonNode list) => list["rules"]!.AsArray().Select(r => (string)r!["ruleName"]!);

    private Task<ApiResponse> Call(string operation, string name, JsonObject? body = null) =>
        _rules.Operations.CallAsync(operation, body, new Dictionary<string, string> { ["ruleName"] = name });

    private static JsonObject Rule(string sql = "SELECT a FROM 'x/+'") => new()
    {
        ["sql"] = sql,
        ["awsIotSqlVersion"] = "2016-03-23",
        ["actions"] = new JsonArray(new JsonObject { ["lambda"] = new JsonObject { ["functionArn"] = "arn:aws:lambda:us-east-1:012345678901:function:F" } }),
    };
}
