using System.Text.Json;
using Amazon.CDK;
using Amazon.CDK.AWS.CloudWatch;

namespace Keyturn.Infrastructure;

/// <summary>One page for whoever runs a rollout: how rotations end, how long their steps take, whether the backend keeps up.</summary>
internal sealed class Dashboard
{
    public Dashboard(Stack stack, Functions functions, DeadLetters deadLetters, Alarms alarms)
    {
        var names = functions.All.Select(f => f.Name).ToArray();
        var widgets = new object[]
        {
            Graph(0, 0, "Rotations", [.. ((string[])["Started", "Issued", "Committed", "Closed", "Reconciled"]).Select(m => new object[] { RotatorApp.StackName, m })]),
            Graph(12, 0, "Not succeeded, by reason", [[Search($"{{{RotatorApp.StackName},Reason}} MetricName=\"Failed\" OR MetricName=\"Alarms\"", "Sum")]]),
            Graph(0, 6, "Seconds from the step before (99th percentile)", [[Search($"{{{RotatorApp.StackName},Step}} MetricName=\"Seconds\"", "p99")]]),
            Graph(12, 6, "Functions: errors and throttles", [.. names.SelectMany(n => new object[][] { ["AWS/Lambda", "Errors", "FunctionName", n], ["AWS/Lambda", "Throttles", "FunctionName", n] })]),
            Graph(0, 12, "Functions: invocations", [.. names.Select(n => new object[] { "AWS/Lambda", "Invocations", "FunctionName", n })]),
            Graph(12, 12, "Functions: duration (99th percentile)", [.. names.Select(n => new object[] { "AWS/Lambda", "Duration", "FunctionName", n })], "p99"),
            Graph(0, 18, "Dead letters", [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", deadLetters.Queue.AttrQueueName]], "Maximum"),
            new { type = "alarm", x = 12, y = 18, width = 12, height = 6, properties = new { title = "Alarms", alarms = alarms.All.Select(a => a.AttrArn).ToArray() } },
        };
        new CfnDashboard(stack, "Dashboard", new CfnDashboardProps
        {
            DashboardName = RotatorApp.StackName,
            DashboardBody = JsonSerializer.Serialize(new { widgets }),
        });
    }

    private static object Search(string expression, string statistic) => new { expression = $"SEARCH('{expression}', '{statistic}', 300)" };

    private static object Graph(int x, int y, string title, object[][] metrics, string statistic = "Sum") => new
    {
        type = "metric", x, y, width = 12, height = 6,
        properties = new { title, metrics, stat = statistic, period = 300, region = Aws.REGION, view = "timeSeries" },
    };
}
