using System.Text.Json.Nodes;

namespace Keyturn.Infrastructure.Tests;

/// <summary>What cdk-nag's AwsSolutions rules ask of these resources, and least privilege: every wildcard has its reason here.</summary>
public sealed class SecurityTests(SynthesizedStacks stacks)
{
    /// <summary>Actions that IAM grants on everything or not at all, or whose resource is not known before; each with the reason why it is there.</summary>
    private static readonly Dictionary<string, string> OnEverything = new()
    {
        ["iot:ListThingPrincipalsV2"] = "no narrower resource in IAM; who holds a thing's certificates",
        ["iot:CreateCertificateFromCsr"] = "no narrower resource in IAM; issues by AWS IoT",
        ["iot:RegisterCertificateWithoutCA"] = "no narrower resource in IAM; registers what AWS Private CA issued",
        ["iot:ListAttachedPolicies"] = "the target is a certificate that nobody knows before; the new one gets the old one's policies",
        ["iot:AttachThingPrincipal"] = "no narrower resource in IAM",
        ["iot:DetachThingPrincipal"] = "no narrower resource in IAM",
        ["iot:ListCertificates"] = "no narrower resource in IAM; the sweep looks for certificates that no rotation recorded",
        ["iot:ListPrincipalThingsV2"] = "no narrower resource in IAM; whose such a certificate is",
        ["iot:UpdateEventConfigurations"] = "no narrower resource in IAM; one switch of the account",
    };

    /// <summary>Endings of resources that leave a part open.</summary>
    private static readonly Dictionary<string, string> OpenEnds = new()
    {
        ["thing/*"] = "any thing may be rotated",
        ["job/*"] = "operators choose the ids of their jobs",
        ["cert/*"] = "ids of certificates are known only when they are made",
        ["topic/awslabs/things/*/certificate/create/accepted"] = "the answer to any thing",
        ["topic/awslabs/things/*/certificate/create/rejected"] = "the answer to any thing",
        ["topic/awslabs/things/*/certificate/commit/accepted"] = "the answer to any thing",
        ["topic/awslabs/things/*/certificate/commit/rejected"] = "the answer to any thing",
    };

    public static TheoryData<bool> Both => [false, true];

    [Theory, MemberData(nameof(Both))]
    public void Every_wildcard_in_a_role_has_its_reason(bool configured)
    {
        var seen = new HashSet<string>();
        foreach (var (id, statement) in Template(configured).Statements().Where(s => Template(configured).Section("Resources")[s.Id]!["Type"]!.ToString() == "AWS::IAM::Policy"))
        {
            var actions = Many(statement["Action"]).Select(a => a!.ToString()).ToArray();
            Assert.DoesNotContain(actions, a => a.Contains('*', StringComparison.Ordinal));
            foreach (var resource in Many(statement["Resource"]).Select(r => (r as JsonObject)?["Fn::Sub"]?.ToString() ?? r!.ToString()).Where(r => r.Contains('*', StringComparison.Ordinal)))
            {
                if (resource == "*")
                {
                    Assert.All(actions, a => Assert.True(OnEverything.ContainsKey(a), $"{id} may {a} everything, and nobody says why"));
                    seen.UnionWith(actions);
                    continue;
                }

                var end = OpenEnds.Keys.FirstOrDefault(e => resource.EndsWith("}:" + e, StringComparison.Ordinal));
                Assert.True(end is not null, $"{id}: {resource} is open, and nobody says why");
                seen.Add(end);
            }
        }

        Assert.Equal(OnEverything.Keys.Concat(OpenEnds.Keys).Order(), seen.Order());
    }

    [Theory, MemberData(nameof(Both))]
    public void Each_function_has_a_role_of_its_own_that_only_Lambda_may_take_and_no_policy_of_AWS(bool configured)
    {
        var template = Template(configured);
        var roles = template.Of("AWS::Lambda::Function").Select(f => f.Properties["Role"]!["Fn::GetAtt"]![0]!.ToString()).ToArray();
        Assert.Equal(roles.Length, roles.Distinct().Count());
        foreach (var role in roles)
        {
            var statement = Assert.Single((JsonArray)template.Properties(role)["AssumeRolePolicyDocument"]!["Statement"]!)!;
            Assert.Equal("lambda.amazonaws.com", statement["Principal"]!["Service"]!.ToString());
            Assert.Null(template.Properties(role)["ManagedPolicyArns"]);
        }
    }

    [Theory, MemberData(nameof(Both))]
    public void Certificates_are_deleted_by_the_functions_that_no_device_s_message_reaches(bool configured) =>
        Assert.Equal(["JobExecutionTerminalPolicy", "ReconcileCertificatePolicy"], With(configured, "iot:DeleteCertificate"));

    [Theory, MemberData(nameof(Both))]
    public void Three_functions_notify_and_the_topic_knows_no_other_publisher(bool configured)
    {
        string[] notifying = ["CreateCertificate", "JobExecutionTerminal", "ReconcileCertificate"];
        // The topic's policy lets them, and their roles need to say nothing more than that they may use its key.
        Assert.DoesNotContain(With(configured, "sns:Publish"), p => !p.EndsWith("TopicPolicy", StringComparison.Ordinal));
        Assert.Equal(notifying.Select(n => n + "Policy"), With(configured, "kms:GenerateDataKey").Where(p => p != "NotificationKey"));
        var allowed = Assert.Single(Template(configured).Statements(), s => s.Id == "NotificationTopicPolicy" && s.Statement["Effect"]!.ToString() == "Allow").Statement;
        Assert.Equal(notifying.Select(n => n + "Role"), Many(allowed["Principal"]!["AWS"]).Select(p => p!["Fn::GetAtt"]![0]!.ToString()));
    }

    [Theory, MemberData(nameof(Both))]
    public void What_is_kept_is_encrypted_and_nothing_is_said_in_the_clear(bool configured)
    {
        var template = Template(configured);
        Assert.All(template.Of("AWS::SNS::Topic"), t => Assert.Equal("NotificationKey", t.Properties["KmsMasterKeyId"]!["Fn::GetAtt"]![0]!.ToString()));
        Assert.All(template.Of("AWS::KMS::Key"), k => Assert.True(k.Properties["EnableKeyRotation"]!.GetValue<bool>()));
        Assert.All(template.Of("AWS::SQS::Queue"), q => Assert.True(q.Properties["SqsManagedSseEnabled"]!.GetValue<bool>()));
        Assert.All(template.Of("AWS::DynamoDB::Table"), t => Assert.True(t.Properties["SSESpecification"]!["SSEEnabled"]!.GetValue<bool>()));
        var guarded = template.Statements()
            .Where(s => s.Statement["Effect"]!.ToString() == "Deny" && s.Statement["Condition"]?["Bool"]?["aws:SecureTransport"]?.ToString() == "false")
            .Select(s => s.Id);
        Assert.Equal(["AlarmTopicPolicy", "DeadLettersPolicy", "NotificationTopicPolicy"], guarded.Order());
        Assert.Equal(3, template.Of("AWS::SNS::Topic").Count() + template.Of("AWS::SQS::Queue").Count());
    }

    [Fact]
    public void The_ledger_outlives_a_mistake()
    {
        var ledger = stacks.Kept.Properties("Ledger");
        Assert.True(ledger["DeletionProtectionEnabled"]!.GetValue<bool>());
        Assert.True(ledger["PointInTimeRecoverySpecification"]!["PointInTimeRecoveryEnabled"]!.GetValue<bool>());
        Assert.Equal("expiresAt", ledger["TimeToLiveSpecification"]!["AttributeName"]!.ToString());
        Assert.Equal("Retain", stacks.Kept.Section("Resources")["Ledger"]!["DeletionPolicy"]!.ToString());
    }

    [Theory, MemberData(nameof(Both))]
    public void Every_function_has_a_log_that_ends_a_dead_letter_queue_and_an_alarm_somebody_hears(bool configured)
    {
        var template = Template(configured);
        var functions = template.Of("AWS::Lambda::Function").Select(f => f.Id).ToArray();
        foreach (var (id, properties) in template.Of("AWS::Lambda::Function"))
        {
            Assert.Equal("provided.al2023", properties["Runtime"]!.ToString());
            Assert.NotNull(template.Properties(properties["LoggingConfig"]!["LogGroup"]!["Ref"]!.ToString())["RetentionInDays"]);
            var invocation = Assert.Single(template.Of("AWS::Lambda::EventInvokeConfig"), i => i.Properties["FunctionName"]!["Ref"]!.ToString() == id);
            Assert.Equal("DeadLetters", invocation.Properties["DestinationConfig"]!["OnFailure"]!["Destination"]!["Fn::GetAtt"]![0]!.ToString());
            Assert.Contains(template.Of("AWS::CloudWatch::Alarm"), a => a.Properties["MetricName"]!.ToString() == "Errors" && a.Properties["Dimensions"]![0]!["Value"]!["Ref"]!.ToString() == id);
        }

        Assert.Equal(5, functions.Length);
        Assert.All(template.Of("AWS::CloudWatch::Alarm"), a => Assert.Equal("AlarmTopic", a.Properties["AlarmActions"]![0]!["Ref"]!.ToString()));
        Assert.All(template.Of("AWS::IoT::TopicRule"), r => Assert.NotNull(r.Properties["TopicRulePayload"]!["ErrorAction"]!["CloudwatchLogs"]));
    }

    [Theory, MemberData(nameof(Both))]
    public void Only_the_source_that_is_meant_may_invoke_a_function(bool configured)
    {
        var permissions = Template(configured).Of("AWS::Lambda::Permission").ToArray();
        Assert.Equal(4, permissions.Length);
        Assert.All(permissions, p => Assert.Equal("AWS::AccountId", p.Properties["SourceAccount"]!["Ref"]!.ToString()));
        Assert.All(permissions, p => Assert.Equal("Arn", p.Properties["SourceArn"]!["Fn::GetAtt"]![1]!.ToString()));
    }

    private static JsonArray Many(JsonNode? node) => node as JsonArray ?? new JsonArray(node?.DeepClone());

    private Template Template(bool configured) => configured ? stacks.Configured : stacks.Kept;

    private IEnumerable<string> With(bool configured, string action) =>
        Template(configured).Statements().Where(s => Many(s.Statement["Action"]).Any(a => a!.ToString() == action)).Select(s => s.Id).Distinct();
}
