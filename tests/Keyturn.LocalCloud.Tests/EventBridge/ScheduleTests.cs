using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.EventBridge;
using Keyturn.LocalCloud.Lambda;
using Keyturn.LocalCloud.Sqs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.EventBridge;

public sealed class ScheduleTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 10, 30, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _time = new(Start);
    private readonly QueueStore _queues;
    private readonly ScheduleService _schedules;
    private readonly EventRuleOperations _rules;
    private readonly LambdaService _lambda;

    public ScheduleTests()
    {
        _queues = new QueueStore(_time, () => "http://127.0.0.1:1");
        _queues.Add("late");
        _lambda = new LambdaService(null, () => "", new AccessKeys(), new Lazy<IDeadLetters>(() => throw new InvalidOperationException()), TimeSpan.Zero, _time, NullLoggerFactory.Instance);
        _schedules = new ScheduleService(_lambda, _queues, _time, NullLogger.Instance);
        _rules = new EventRuleOperations(_schedules);
    }

    public async ValueTask DisposeAsync()
    {
        await _schedules.DisposeAsync();
        await _lambda.DisposeAsync();
    }

    [Theory]
    [InlineData("rate(1 minute)", "2026-03-01T10:31:00Z")]
    [InlineData("rate(5 minutes)", "2026-03-01T10:35:00Z")]
    [InlineData("rate(1 hour)", "2026-03-01T11:30:00Z")]
    [InlineData("rate(2 days)", "2026-03-03T10:30:00Z")]
    [InlineData("cron(0 12 * * ? *)", "2026-03-01T12:00:00Z")]
    [InlineData("cron(15 10 ? * MON *)", "2026-03-02T10:15:00Z")]
    [InlineData("rate(1 minutes)", null)]
    [InlineData("rate(2 hour)", null)]
    [InlineData("rate(0 minutes)", null)]
    [InlineData("rate(1 second)", null)]
    [InlineData("cron(0 12 * * * *)", null)]
    [InlineData("every hour", null)]
    public void An_expression_says_when_it_is_next(string expression, string? next) =>
        Assert.Equal(next is null ? null : DateTimeOffset.Parse(next, null), ScheduleExpression.Parse(expression)?.Next(Start));

    /// <summary>What can't be delivered goes to the queue for it, which here shows when a rule ran.</summary>
    [Fact]
    public async Task A_rule_runs_each_time_it_is_due_until_it_is_disabled()
    {
        await PutAsync("rate(10 minutes)", null);
        Advance(TimeSpan.FromMinutes(9));
        Assert.Empty(_queues.Messages("late"));
        Advance(TimeSpan.FromMinutes(1));
        Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(2, _queues.Messages("late").Count);
        var scheduled = JsonNode.Parse(_queues.Messages("late")[0].Body)!;
        Assert.Equal(("Scheduled Event", "aws.events", "2026-03-01T10:40:00Z"), (scheduled["detail-type"]!.ToString(), scheduled["source"]!.ToString(), scheduled["time"]!.ToString()));
        Assert.Equal("arn:aws:events:us-east-1:012345678901:rule/r", scheduled["resources"]![0]!.ToString());

        await _rules.All.CallAsync("DisableRule", new JsonObject { ["Name"] = "r" });
        Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, _queues.Messages("late").Count);
        await _rules.All.CallAsync("EnableRule", new JsonObject { ["Name"] = "r" });
        Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(3, _queues.Messages("late").Count);
    }

    [Fact]
    public async Task A_rule_is_fired_at_once_and_its_schedule_goes_on()
    {
        await PutAsync("rate(10 minutes)", """{"n":1}""");
        Assert.Equal(0, _schedules.Fire("r"));
        Assert.Equal("""{"n":1}""", _queues.Messages("late").Single().Body);
        Assert.Null(_schedules.Fire("other"));
        Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(2, _queues.Messages("late").Count);
    }

    private async Task PutAsync(string expression, string? input)
    {
        await _rules.All.CallAsync("PutRule", new JsonObject { ["Name"] = "r", ["ScheduleExpression"] = expression });
        await _rules.All.CallAsync("PutTargets", new JsonObject
        {
            ["Rule"] = "r",
            ["Targets"] = new JsonArray(new JsonObject
            {
                ["Id"] = "1", ["Arn"] = "arn:aws:lambda:us-east-1:012345678901:function:none", ["Input"] = input,
                ["DeadLetterConfig"] = new JsonObject { ["Arn"] = QueueStore.Arn("late") },
            }),
        });
    }

    private void Advance(TimeSpan by) => _time.Advance(by);
}
