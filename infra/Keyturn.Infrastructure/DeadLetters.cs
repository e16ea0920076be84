using Amazon.CDK;
using Amazon.CDK.AWS.IAM;
using Amazon.CDK.AWS.SQS;

namespace Keyturn.Infrastructure;

/// <summary>Where events go that a function did not take in all its attempts; each says whose it was and what stood in it.</summary>
internal sealed class DeadLetters
{
    public DeadLetters(Stack stack)
    {
        Queue = new CfnQueue(stack, "DeadLetters", new CfnQueueProps
        {
            QueueName = $"{RotatorApp.StackName}DeadLetters",
            SqsManagedSseEnabled = true,
            MessageRetentionPeriod = Duration.Days(14).ToSeconds(),
        });
        new CfnQueuePolicy(stack, "DeadLettersPolicy", new CfnQueuePolicyProps
        {
            Queues = [Queue.Ref],
            PolicyDocument = new PolicyDocument(new PolicyDocumentProps { Statements = [Permissions.OnlyOverTls("sqs:*", Queue.AttrArn)] }),
        });
    }

    public CfnQueue Queue { get; }
}
