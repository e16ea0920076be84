using Keyturn.LocalCloud.Iam;
using Keyturn.LocalCloud.Sns;
using Keyturn.LocalCloud.Sqs;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>Topics, queues, log groups, and what has no meaning on one machine.</summary>
internal sealed class MessagingResources(SnsService sns, QueueStore queues)
{
    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types =>
    [
        new("AWS::SNS::Topic", Topic),
        new("AWS::SNS::TopicPolicy", TopicPolicy),
        new("AWS::SNS::Subscription", Subscription),
        new("AWS::SQS::Queue", Queue),
        new("AWS::SQS::QueuePolicy", QueuePolicy),
        new("AWS::Logs::LogGroup", LogGroup),
        new("AWS::CDK::Metadata", Nothing),
    ];

    private CreatedResource Topic(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Tags", "TracingConfig", "SignatureVersion", "DataProtectionPolicy");
        var topic = sns.Create(properties.Text("TopicName") ?? physicalName);
        foreach (var name in (string[])["DisplayName", "KmsMasterKeyId"])
        {
            if (properties.Text(name) is { } value)
                topic.Attributes[name] = value;
        }

        foreach (var subscription in properties.Objects("Subscription"))
        {
            sns.Subscribe(topic, subscription.Required("Protocol"), subscription.Required("Endpoint"), raw: false);
            subscription.Close();
        }

        return new CreatedResource(topic.Arn, new Dictionary<string, string> { ["TopicArn"] = topic.Arn, ["TopicName"] = topic.Name });
    }

    private CreatedResource TopicPolicy(ResourceProperties properties, string physicalName)
    {
        var document = properties.Json("PolicyDocument");
        foreach (var arn in properties.Texts("Topics"))
        {
            var topic = sns.Find(arn);
            topic.Policies.Enqueue(IamPolicy.Parse(document));
            topic.Attributes["Policy"] = document!.ToJsonString();
        }

        return new CreatedResource(physicalName, new Dictionary<string, string>());
    }

    private CreatedResource Subscription(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("FilterPolicy", "Region", "RedrivePolicy");
        var subscription = sns.Subscribe(
            sns.Find(properties.Required("TopicArn")), properties.Required("Protocol"), properties.Required("Endpoint"),
            properties.Text("RawMessageDelivery") == "true");
        return new CreatedResource(subscription.Arn, subscription.Arn);
    }

    private CreatedResource Queue(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Tags", "RedrivePolicy", "RedriveAllowPolicy");
        var name = properties.Text("QueueName") ?? physicalName;
        var queue = queues.Add(name);
        foreach (var attribute in QueueProperties)
        {
            if (properties.Text(attribute) is { } value)
                queue.Attributes[attribute] = value;
        }

        QueueAttributes.Check(queue.Attributes);
        return new CreatedResource(
            queues.Url(name), new Dictionary<string, string> { ["Arn"] = QueueStore.Arn(name), ["QueueName"] = name, ["QueueUrl"] = queues.Url(name) });
    }

    private static readonly string[] QueueProperties =
    [
        "DelaySeconds", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds",
        "SqsManagedSseEnabled", "VisibilityTimeout",
    ];

    private CreatedResource QueuePolicy(ResourceProperties properties, string physicalName)
    {
        var document = properties.Json("PolicyDocument");
        IamPolicy.Parse(document);
        foreach (var url in properties.Texts("Queues"))
            (queues.Find(url) ?? throw new StackException($"{properties.Path}: there is no queue {url}")).Attributes["Policy"] = document!.ToJsonString();
        return new CreatedResource(physicalName, new Dictionary<string, string>());
    }

    private CreatedResource LogGroup(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("RetentionInDays", "KmsKeyId", "Tags", "LogGroupClass", "DataProtectionPolicy");
        var name = properties.Text("LogGroupName") ?? physicalName;
        return new CreatedResource(name, CloudAccount.Local.Arn("logs", $"log-group:{name}:*"));
    }

    private static CreatedResource Nothing(ResourceProperties properties, string physicalName)
    {
        properties.TakeAll();
        return new CreatedResource(physicalName, new Dictionary<string, string>());
    }
}
