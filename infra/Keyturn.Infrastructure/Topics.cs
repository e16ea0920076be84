using Amazon.CDK;
using Amazon.CDK.AWS.IAM;
using Amazon.CDK.AWS.KMS;
using Amazon.CDK.AWS.SNS;

namespace Keyturn.Infrastructure;

/// <summary>
/// Two topics: what the functions tell of rotations, and what CloudWatch tells of the functions. With a key of our own, since CloudWatch may
/// not use the one that AWS keeps for SNS.
/// </summary>
internal sealed class Topics
{
    private readonly Stack _stack;

    public Topics(Stack stack, Settings settings)
    {
        _stack = stack;
        Key = new CfnKey(stack, "NotificationKey", new CfnKeyProps
        {
            Description = "Messages of AWS Labs Certificate Rotator",
            EnableKeyRotation = true,
            KeyPolicy = new PolicyDocument(new PolicyDocumentProps
            {
                Statements =
                [
                    new PolicyStatement(new PolicyStatementProps
                    {
                        Sid = "TheAccountDecides",
                        Principals = [new AccountRootPrincipal()],
                        Actions = ["kms:*"],
                        Resources = ["*"],
                    }),
                    new PolicyStatement(new PolicyStatementProps
                    {
                        Sid = "AlarmsOfThisAccount",
                        Principals = [new ServicePrincipal("cloudwatch.amazonaws.com")],
                        Actions = ["kms:Decrypt", "kms:GenerateDataKey"],
                        Resources = ["*"],
                        Conditions = Permissions.OfThisAccount,
                    }),
                ],
            }),
        });
        Notifications = Topic("NotificationTopic", "Notification", "AWS Labs Certificate Rotator Notification");
        Alarms = Topic("AlarmTopic", "Alarm", "AWS Labs Certificate Rotator Alarm");
        Policy("AlarmTopicPolicy", Alarms, new PolicyStatement(new PolicyStatementProps
        {
            Sid = "OnlyAlarmsOfThisAccount",
            Principals = [new ServicePrincipal("cloudwatch.amazonaws.com")],
            Actions = ["sns:Publish"],
            Resources = [Alarms.Ref],
            Conditions = Permissions.OfThisAccount,
        }));

        var somebody = new CfnCondition(stack, "SomebodyListens", new CfnConditionProps
        {
            Expression = Fn.ConditionNot(Fn.ConditionEquals(settings.AlarmEmail, "")),
        });
        foreach (var (id, topic) in new[] { ("NotificationEmail", Notifications), ("AlarmMail", Alarms) })
        {
            var subscription = new CfnSubscription(stack, id, new CfnSubscriptionProps { TopicArn = topic.Ref, Protocol = "email", Endpoint = settings.AlarmEmail });
            subscription.CfnOptions.Condition = somebody;
        }
    }

    public CfnKey Key { get; }

    public CfnTopic Notifications { get; }

    public CfnTopic Alarms { get; }

    /// <summary>Nobody else of the account may speak in the functions' name.</summary>
    public void AllowPublishing(IEnumerable<CfnRole> roles) =>
        Policy("NotificationTopicPolicy", Notifications, new PolicyStatement(new PolicyStatementProps
        {
            Sid = "OnlyTheFunctions",
            Principals = [.. roles.Select(r => new ArnPrincipal(r.AttrArn))],
            Actions = ["sns:Publish"],
            Resources = [Notifications.Ref],
        }));

    private CfnTopic Topic(string id, string name, string display) => new(_stack, id, new CfnTopicProps
    {
        TopicName = RotatorApp.StackName + name, DisplayName = display, KmsMasterKeyId = Key.AttrArn,
    });

    private void Policy(string id, CfnTopic topic, PolicyStatement allow) => new CfnTopicPolicy(_stack, id, new CfnTopicPolicyProps
    {
        Topics = [topic.Ref],
        PolicyDocument = new PolicyDocument(new PolicyDocumentProps { Statements = [Permissions.OnlyOverTls("sns:Publish", topic.Ref), allow] }),
    });
}
