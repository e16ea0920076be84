using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Rules;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.Rules;

public sealed class RulesEngineTests : IAsyncDisposable
{
    private const string Function = "arn:aws:lambda:us-east-1:012345678901:function:F";
    private const string Notification = "arn:aws:sns:us-east-1:012345678901:N";

    private readonly LoopbackBus _bus = new();
    private readonly LocalCloud.Rules.TopicRules _rules = new(new CloudAccount(), new FakeTimeProvider(Sql.Now));
    private readonly RulesEngine _engine;
    private readonly List<string> _done = [];

    public RulesEngineTests()
    {
        var targets = new RuleTargets(
            (function, rule, payload) => Done($"lambda {function} for {rule.Split('/')[1]} {Encoding.UTF8.GetString(payload.Span)}"),
            (topic, role, message, structured) => Done($"sns {topic} as {role.Split('/')[1]} {message} {structured}"),
            (_, _) => { },
            (group, _, message) => _done.Add($"log {group} {message}"));
        _engine = new RulesEngine(_rules, _bus, targets, new CloudAccount(), new FakeTimeProvider(Sql.Now), NullLogger<RulesEngine>.Instance);
        _engine.Start();
    }

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_message_that_matches_goes_to_the_function_as_the_columns_selected()
    {
        _rules.Create("create", Rule("SELECT jobId, topic(3) AS thingName FROM 'awslabs/things/+/certificate/create'", Lambda()));

        await _bus.PublishAsync(new BusMessage("awslabs/things/pump1/certificate/create", """{"jobId":"j","thingName":"x"}"""u8.ToArray(), "pump1", "p"));
        await _bus.PublishAsync(new BusMessage("awslabs/things/pump1/certificate/commit", "{}"u8.ToArray(), "pump1", "p"));

        await AssertDoneAsync($$"""lambda {{Function}} for create {"jobId":"j","thingName":"pump1"}""");
    }

    [Fact]
    public async Task A_disabled_rule_does_not_run_until_it_is_enabled()
    {
        var rule = Rule("SELECT a FROM 'x'", Lambda());
        rule["ruleDisabled"] = true;
        _rules.Create("r", rule);
        var labels = new Dictionary<string, string> { ["ruleName"] = "r" };

        await _bus.PublishAsync(new BusMessage("x", """{"a":1}"""u8.ToArray()));
        await EverythingIsReadAsync();
        await _rules.Operations.CallAsync("EnableTopicRule", labels: labels);
        await _bus.PublishAsync(new BusMessage("x", """{"a":2}"""u8.ToArray()));

        await AssertDoneAsync($$"""lambda {{Function}} for r {"a":2}""");
    }

    [Fact]
    public async Task Republishing_fills_the_topic_in_from_the_message_that_came()
    {
        _rules.Create("r", Rule("SELECT a AS b FROM 'in/+'", Republish("out/${topic(2)}/${a}")));

        await _bus.PublishAsync(new BusMessage("in/x", """{"a":1}"""u8.ToArray(), "c", "p"));
        await _engine.DisposeAsync();

        var sent = _bus.Published[^1];
        Assert.Equal("out/x/1", sent.Topic);
        Assert.Equal("""{"b":1}""", Encoding.UTF8.GetString(sent.Payload.Span));
        Assert.Null(sent.ClientId);
        Assert.Null(sent.Principal);
    }

    [Fact]
    public async Task Failed_actions_go_to_the_error_action_in_one_message_and_stop_nobody_else()
    {
        var failing = Rule("SELECT a FROM 'x'", Republish("a/#"), Lambda(), Republish("b/+"));
        failing["errorAction"] = Sns();
        _rules.Create("failing", failing);
        _rules.Create("other", Rule("SELECT a FROM 'x'", Sns()));

        await _bus.PublishAsync(new BusMessage("x", """{"a":1}"""u8.ToArray(), "c", "p"));
        await _engine.DisposeAsync();

        Assert.Equal(3, _done.Count);
        Assert.StartsWith($$"""lambda {{Function}} for failing {"a":1}""", _done[0], StringComparison.Ordinal);
        var error = JsonNode.Parse(_done[1].Split(' ', 5)[4].Replace(" False", "", StringComparison.Ordinal))!;
        Assert.Equal("failing", (string)error["ruleName"]!);
        Assert.Equal("x", (string)error["topic"]!);
        Assert.Equal("c", (string)error["clientId"]!);
        Assert.Equal(Convert.ToBase64String("""{"a":1}"""u8), (string)error["base64OriginalPayload"]!);
        Assert.Equal(["a/#", "b/+"], error["failures"]!.AsArray().Select(f => (string)f!["failedResource"]!));
        Assert.Equal($$"""sns {{Notification}} as r {"a":1} False""", _done[2]);
    }

    [Fact]
    public async Task A_payload_that_is_not_json_never_reaches_a_function()
    {
        var rule = Rule("SELECT * FROM 'x'", Lambda());
        rule["errorAction"] = Sns();
        _rules.Create("r", rule);

        await _bus.PublishAsync(new BusMessage("x", new byte[] { 0xff, 0xfe, 0 }, "c", "p"));
        await _engine.DisposeAsync();

        Assert.Contains("LambdaAction", Assert.Single(_done), StringComparison.Ordinal);
        Assert.StartsWith("sns", _done[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Basic_ingest_reaches_the_rule_that_is_named_alone()
    {
        _rules.Create("one", Rule("SELECT topic() AS t FROM 'nowhere'", Lambda()));
        _rules.Create("two", Rule("SELECT 1 AS never FROM '$aws/rules/#'", Lambda()));

        await _bus.PublishAsync(new BusMessage("$aws/rules/one/a/b", "{}"u8.ToArray(), "c", "p"));

        await AssertDoneAsync($$"""lambda {{Function}} for one {"t":"a/b"}""");
    }

    private static JsonObject Rule(string sql, params JsonObject[] actions) =>
        new() { ["sql"] = sql, ["awsIotSqlVersion"] = "2016-03-23", ["actions"] = new JsonArray([.. actions]) };

    private static JsonObject Lambda() => new() { ["lambda"] = new JsonObject { ["functionArn"] = Function } };

    private static JsonObject Sns() => new() { ["sns"] = new JsonObject { ["targetArn"] = Notification, ["roleArn"] = "arn:aws:iam::012345678901:role/r" } };

    private static JsonObject Republish(string topic) =>
        new() { ["republish"] = new JsonObject { ["topic"] = topic, ["roleArn"] = "arn:aws:iam::012345678901:role/r" } };

    private ValueTask Done(string what)
    {
        lock (_done)
            _done.Add(what);
        return ValueTask.CompletedTask;
    }

    /// <summary>Returns when everything published so far has been through the rules: one more rule answers last.</summary>
    private async Task EverythingIsReadAsync()
    {
        _rules.Create("probe", Rule("SELECT 1 AS x FROM 'probe'", Republish("probed")));
        var read = new TaskCompletionSource();
        using var watch = _bus.Watch(message =>
        {
            if (message.Topic == "probed")
                read.TrySetResult();
        });
        await _bus.PublishAsync(new BusMessage("probe", "{}"u8.ToArray()));
        await read.Task;
    }

    private async Task AssertDoneAsync(params string[] expected)
    {
        await _engine.DisposeAsync();
        Assert.Equal(expected, _done);
    }
}
