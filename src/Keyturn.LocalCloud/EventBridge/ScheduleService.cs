using System.Text;
using Keyturn.LocalCloud.Lambda;
using Keyturn.LocalCloud.Sqs;

namespace Keyturn.LocalCloud.EventBridge;

/// <summary>Runs the rules when they are due, by one timer for all of them.</summary>
internal sealed class ScheduleService : IAsyncDisposable
{
    private const string Principal = "events.amazonaws.com";

    /// <summary>Longest wait of a timer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    private readonly SortedDictionary<string, ScheduledRule> _rules = new(StringComparer.Ordinal);
    private readonly LambdaService _lambda;
    private readonly QueueStore _queues;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ITimer _timer;

    public ScheduleService(LambdaService lambda, QueueStore queues, TimeProvider time, ILogger log)
    {
        (_lambda, _queues, _time, _log) = (lambda, queues, time, log);
        _timer = time.CreateTimer(_ => RunDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Lock Gate { get; } = new();

    /// <summary>By name; for holders of the gate.</summary>
    public IReadOnlyDictionary<string, ScheduledRule> Rules => _rules;

    public DateTimeOffset Now => _time.GetUtcNow();

    public void Put(ScheduledRule rule)
    {
        _rules[rule.Name] = rule;
        rule.Start(Now);
        SetTimer();
    }

    public void Remove(string name)
    {
        _rules.Remove(name);
        SetTimer();
    }

    public void Enable(ScheduledRule rule, bool enabled)
    {
        if (enabled && !rule.IsEnabled)
            rule.Start(Now);
        rule.IsEnabled = enabled;
        SetTimer();
    }

    /// <summary>Runs a rule now, whatever its schedule; the schedule goes on as before.</summary>
    /// <returns>How many targets got the event; null when there is no such rule.</returns>
    public int? Fire(string name)
    {
        lock (Gate)
        {
            return _rules.TryGetValue(name, out var rule) ? rule.Targets.Values.Count(t => Deliver(rule, t)) : null;
        }
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void RunDue()
    {
        lock (Gate)
        {
            var now = Now;
            foreach (var rule in _rules.Values.Where(r => r.IsEnabled && r.Due <= now))
            {
                rule.Due = rule.Schedule.Next(rule.Due!.Value) is { } next && next > now ? next : rule.Schedule.Next(now);
                foreach (var target in rule.Targets.Values)
                    Deliver(rule, target);
            }

            SetTimer();
        }
    }

    private bool Deliver(ScheduledRule rule, RuleTarget target)
    {
        var input = target.Input ?? rule.Event(Now).ToJsonString();
        var function = _lambda.Find(target.Arn);
        var problem = function is null ? "there is no such function"
            : function.Permissions.Any(p => p.Allows(Principal, rule.Arn)) ? null
            : $"{Principal} is not permitted to invoke it for {rule.Arn}: AWS::Lambda::Permission";
        if (problem is null)
        {
            _lambda.Enqueue(function!.Name, Guid.NewGuid().ToString(), Encoding.UTF8.GetBytes(input));
            return true;
        }

        _log.ScheduleTargetFailed(rule.Name, target.Arn, problem);
        if (target.DeadLetterArn is not null)
            _queues.Send(target.DeadLetterArn, input);
        return false;
    }

    private void SetTimer()
    {
        var due = _rules.Values.Where(r => r.IsEnabled).Min(r => r.Due);
        var wait = due - Now;
        _timer.Change(
            wait is null ? Timeout.InfiniteTimeSpan : wait < TimeSpan.Zero ? TimeSpan.Zero : wait < Longest ? wait.Value : Longest, Timeout.InfiniteTimeSpan);
    }
}
