using Amazon.CDK;
using Amazon.CDK.AWS.CloudWatch;

namespace Keyturn.Infrastructure;

/// <summary>
/// What the stack itself reports: a function that failed, events that nobody took, a sweep that did not run. Rotations that failed are not alarms
/// but messages, one each, that say which and why.
/// </summary>
internal sealed class Alarms
{
    private const double FiveMinutes = 300;

    private readonly Stack _stack;
    private readonly Topics _topics;
    private readonly List<CfnAlarm> _all = [];

    public Alarms(Stack stack, Functions functions, DeadLetters deadLetters, Rules rules, Topics topics)
    {
        (_stack, _topics) = (stack, topics);
        foreach (var function in functions.All)
        {
            var name = function.Name[RotatorApp.StackName.Length..];
            Alarm(
                $"{name}Errors", $"{name} failed; its log says why. Events it did not take are tried twice more, then they are in the dead letters.",
                "AWS/Lambda", "Errors", "FunctionName", function.Function.Ref, "Sum", FiveMinutes);
            Alarm(
                $"{name}Throttles", $"{name} was throttled: the account's concurrent executions are used up. Slow the rollout, or have the quota raised.",
                "AWS/Lambda", "Throttles", "FunctionName", function.Function.Ref, "Sum", FiveMinutes, inARow: 3);
        }

        Alarm(
            "DeadLettersWaiting", "Events that a function did not take in any attempt wait in the queue; docs/operations.md says how to replay them.",
            "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", deadLetters.Queue.AttrQueueName, "Maximum", FiveMinutes);
        Alarm(
            "RuleErrors", "A rule could not hand a message to its function; the log group of the rules' errors has it.",
            "AWS/Logs", "IncomingLogEvents", "LogGroupName", rules.ErrorsLog.Ref, "Sum", FiveMinutes);
        Alarm(
            "ReconcileOverdue", "The hourly sweep did not run for three hours: rotations that nobody ended stay open, and silent devices are not noticed.",
            "AWS/Lambda", "Invocations", "FunctionName", functions.ReconcileCertificate.Function.Ref, "Sum", 3600, inARow: 3, overdue: true);
    }

    public IReadOnlyList<CfnAlarm> All => _all;

    private void Alarm(
        string id, string text, string space, string metric, string dimension, string value, string statistic, double seconds, int inARow = 1, bool overdue = false) =>
        _all.Add(new CfnAlarm(_stack, $"{id}Alarm", new CfnAlarmProps
        {
            AlarmName = $"{RotatorApp.StackName}{id}",
            AlarmDescription = text,
            Namespace = space,
            MetricName = metric,
            Dimensions = new[] { new CfnAlarm.DimensionProperty { Name = dimension, Value = value } },
            Statistic = statistic,
            Period = seconds,
            EvaluationPeriods = inARow,
            Threshold = 1,
            ComparisonOperator = overdue ? "LessThanThreshold" : "GreaterThanOrEqualToThreshold",
            // A function that is never called has no metric at all: that is what overdue means.
            TreatMissingData = overdue ? "breaching" : "notBreaching",
            AlarmActions = [_topics.Alarms.Ref],
            OkActions = [_topics.Alarms.Ref],
        }));
}
