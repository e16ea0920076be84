using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Rules.Sql;

namespace Keyturn.LocalCloud.Rules;

/// <summary>Where actions lead. To throw is to fail the action.</summary>
/// <param name="InvokeLambda">(function's ARN, rule's ARN, event): an asynchronous invocation, which the function's policy must allow that rule.</param>
/// <param name="PublishSns">(topic's ARN, ARN of the action's role, message, whether the message holds one text a protocol, as MessageStructure json).</param>
/// <param name="CheckRepublish">(topic, ARN of the action's role): throws unless the role may publish there.</param>
/// <param name="WriteLog">(log group, ARN of the action's role, message).</param>
internal sealed record RuleTargets(
    Func<string, string, ReadOnlyMemory<byte>, ValueTask> InvokeLambda,
    Func<string, string, string, bool, ValueTask> PublishSns,
    Action<string, string> CheckRepublish,
    Action<string, string, string> WriteLog);

/// <summary>Runs every enabled rule that a message matches, message by message in order of arrival.</summary>
internal sealed class RulesEngine(
    TopicRules rules, IMessageBus bus, RuleTargets targets, CloudAccount account, TimeProvider time, ILogger<RulesEngine> log) : IAsyncDisposable
{
    /// <summary>Messages to <c>$aws/rules/NAME/topic</c> go to that rule alone, unseen by subscribers (Basic Ingest).</summary>
    private const string BasicIngest = "$aws/rules/";

    private readonly Channel<(BusMessage Message, DateTimeOffset Received)> _arrived =
        Channel.CreateUnbounded<(BusMessage, DateTimeOffset)>(new UnboundedChannelOptions { SingleReader = true });

    private IDisposable? _watch;
    private Task _running = Task.CompletedTask;

    public void Start()
    {
        _running = RunAsync();
        _watch = bus.Watch(message => _arrived.Writer.TryWrite((message, time.GetUtcNow())));
    }

    public async ValueTask DisposeAsync()
    {
        _watch?.Dispose();
        _arrived.Writer.TryComplete();
        await _running;
    }

    private async Task RunAsync()
    {
        await foreach (var (message, received) in _arrived.Reader.ReadAllAsync())
        {
            var (topic, only) = Address(message.Topic);
            var matching = rules.All.Where(r => !r.IsDisabled && (only is null ? r.Filter.Matches(topic) : r.Name == only)).ToList();
            if (matching.Count == 0)
                continue;
            var evaluator = new SqlEvaluator(
                new SqlMessage(topic, message.Payload, message.ClientId, message.Principal, received, account.Id));
            foreach (var rule in matching)
                await RunAsync(rule, evaluator);
        }
    }

    private async Task RunAsync(TopicRule rule, SqlEvaluator evaluator)
    {
        if (evaluator.Run(rule.Statement) is not { } result)
            return;
        log.RuleMatched(rule.Name, evaluator.Message.Topic, evaluator.Message.ClientId ?? "");
        var failures = new JsonArray();
        foreach (var action in rule.Actions)
        {
            if (await TryAsync(rule, action, evaluator, result) is { } failure)
                failures.Add(failure);
        }

        if (failures.Count > 0 && rule.ErrorAction is { } errorAction)
            await TryAsync(rule, errorAction, evaluator, Failed(rule, evaluator.Message, failures));
    }

    /// <returns>The failure as an error action reports it; null when the action was done.</returns>
    private async Task<JsonObject?> TryAsync(TopicRule rule, RuleAction action, SqlEvaluator evaluator, ReadOnlyMemory<byte> result)
    {
        var resource = action.Resource.Render(evaluator);
        try
        {
            await PerformAsync(rule, action, resource, result);
            return null;
        }
        // Whatever a target throws is the failure of this action, not of the engine.
        catch (Exception e)
        {
            log.RuleActionFailed(e, rule.Name, action.Name, resource);
            return new JsonObject { ["failedAction"] = action.Name, ["failedResource"] = resource, ["errorMessage"] = e.Message };
        }
    }

    private async ValueTask PerformAsync(TopicRule rule, RuleAction action, string resource, ReadOnlyMemory<byte> result)
    {
        switch (action)
        {
            case LambdaAction when !SqlMessage.ReadJson(result).IsDefined:
                throw new JsonException("A function takes JSON only; select encode(*, 'base64') to hand on other payloads");
            case LambdaAction:
                await targets.InvokeLambda(resource, rules.Arn(rule.Name), result);
                break;
            case SnsAction sns:
                await targets.PublishSns(resource, sns.RoleArn, Encoding.UTF8.GetString(result.Span), sns.MessageFormat == "JSON");
                break;
            case RepublishAction when resource.Length == 0 || resource.AsSpan().ContainsAny('+', '#'):
                throw new InvalidOperationException($"'{resource}' is not a topic to publish on");
            case CloudwatchLogsAction logs:
                targets.WriteLog(resource, logs.RoleArn, Encoding.UTF8.GetString(result.Span));
                break;
            case RepublishAction republish:
                targets.CheckRepublish(resource, republish.RoleArn);
                await bus.PublishAsync(new BusMessage(resource, result));
                break;
            default:
                throw new InvalidOperationException($"No target for {action.Name}");
        }
    }

    private static ReadOnlyMemory<byte> Failed(TopicRule rule, SqlMessage message, JsonArray failures) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["ruleName"] = rule.Name,
        ["topic"] = message.Topic,
        ["cloudwatchTraceId"] = message.TraceId.ToString(),
        ["clientId"] = message.ClientId ?? "n/a",
        ["base64OriginalPayload"] = Convert.ToBase64String(message.Payload.Span),
        ["failures"] = failures,
    }.ToJsonString());

    private static (string Topic, string? Rule) Address(string topic)
    {
        if (!topic.StartsWith(BasicIngest, StringComparison.Ordinal))
            return (topic, null);
        var rest = topic[BasicIngest.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? ("", rest) : (rest[(slash + 1)..], rest[..slash]);
    }
}
