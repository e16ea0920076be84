using Keyturn.LocalCloud.Iam;
using Keyturn.LocalCloud.Lambda;
using Keyturn.LocalCloud.Rules;
using Keyturn.LocalCloud.Sns;
using Keyturn.LocalCloud.Sqs;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>What rules and failed events lead to, with the permissions that AWS wants for it.</summary>
internal sealed class RuleWiring(LambdaService lambda, SnsService sns, QueueStore queues, RoleStore roles, ILogger log) : IDeadLetters
{
    private const string Iot = "iot.amazonaws.com";

    public RuleTargets Targets => new(Invoke, Publish, CheckRepublish, WriteLog);

    public void Send(LambdaFunction function, string destinationArn, string message)
    {
        // As on AWS, a function's own role sends its events away.
        if (destinationArn.Contains(":sns:", StringComparison.Ordinal))
        {
            if (Allowed(function.Role, "sns:Publish", destinationArn))
                sns.Publish(sns.Find(destinationArn), null, message, new Dictionary<string, MessageAttribute>());
        }
        else if (Allowed(function.Role, "sqs:SendMessage", destinationArn))
        {
            queues.Send(destinationArn, message);
        }
    }

    private static bool Allowed(Role role, string action, string resource) => role.May(new IamRequest(action, resource));

    private ValueTask Invoke(string function, string rule, ReadOnlyMemory<byte> payload)
    {
        if (lambda.Find(function) is not { } found)
            throw new InvalidOperationException($"there is no function {function}");
        if (!found.Permissions.Any(p => p.Allows(Iot, rule)))
            throw new InvalidOperationException($"{Iot} is not permitted to invoke {found.Name} for {rule}: AWS::Lambda::Permission");
        lambda.Enqueue(found.Name, Guid.NewGuid().ToString(), payload);
        return ValueTask.CompletedTask;
    }

    private ValueTask Publish(string topicArn, string role, string message, bool structured)
    {
        Check(role, "sns:Publish", topicArn);
        sns.Publish(sns.Find(topicArn), null, structured ? SnsOperations.DefaultOf("json", message) : message, new Dictionary<string, MessageAttribute>());
        return ValueTask.CompletedTask;
    }

    private void CheckRepublish(string topic, string role) => Check(role, "iot:Publish", CloudAccount.Local.Arn("iot", $"topic/{topic}"));

    private void WriteLog(string group, string role, string message)
    {
        foreach (var action in (string[])["logs:DescribeLogStreams", "logs:CreateLogStream", "logs:PutLogEvents"])
            Check(role, action, CloudAccount.Local.Arn("logs", $"log-group:{group}:log-stream:rule"));
        log.RuleErrorLogged(group, message);
    }

    private void Check(string role, string action, string resource)
    {
        if (roles.Refusal(role, Iot, action, resource) is { } reason)
            throw new InvalidOperationException(reason);
    }
}
