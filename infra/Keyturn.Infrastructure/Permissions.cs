using Amazon.CDK;
using Amazon.CDK.AWS.IAM;

namespace Keyturn.Infrastructure;

/// <summary>
/// What each function may do. Where a resource is "*", the action knows no narrower one in IAM; Keyturn.Infrastructure.Tests lists every wildcard
/// with its reason.
/// </summary>
internal static class Permissions
{
    public static IDictionary<string, object> OfThisAccount => new Dictionary<string, object>
    {
        ["StringEquals"] = new Dictionary<string, object> { ["aws:SourceAccount"] = Aws.ACCOUNT_ID },
    };

    public static IEnumerable<PolicyStatement> CreateCertificate(Ledger ledger, string caArn, string hasCa) =>
    [
        Allow(["dynamodb:Query", "dynamodb:PutItem"], ledger.Table.AttrArn),
        Allow(["iotjobsdata:DescribeJobExecution"], Iot("thing/*")),
        Allow(["iot:DescribeJobExecution"], Iot("thing/*"), Iot("job/*")),
        Allow(
            [
                "iot:ListThingPrincipalsV2", "iot:CreateCertificateFromCsr", "iot:RegisterCertificateWithoutCA", "iot:ListAttachedPolicies",
                "iot:AttachThingPrincipal", "iot:DetachThingPrincipal",
            ],
            "*"),
        Allow(["iot:AttachPolicy", "iot:DescribeCertificate", "iot:UpdateCertificate"], Iot("cert/*")),
        // Without a CA the statement still needs a resource; this one is nobody's.
        Allow(
            ["acm-pca:IssueCertificate", "acm-pca:GetCertificate"],
            Fn.ConditionIf(hasCa, caArn, Fn.Sub("arn:${AWS::Partition}:acm-pca:${AWS::Region}:${AWS::AccountId}:certificate-authority/none")).ToString()),
        Answers("create"),
    ];

    public static IEnumerable<PolicyStatement> CommitCertificate(Ledger ledger) =>
    [
        Allow(["dynamodb:Query", "dynamodb:PutItem"], ledger.Table.AttrArn),
        Answers("commit"),
    ];

    public static IEnumerable<PolicyStatement> JobExecutionTerminal(Ledger ledger) =>
    [
        Allow(["dynamodb:Query", "dynamodb:PutItem"], ledger.Table.AttrArn),
        Allow(["iot:ListThingPrincipalsV2", "iot:DetachThingPrincipal"], "*"),
        Allow(["iot:DescribeCertificate", "iot:UpdateCertificate", "iot:DeleteCertificate"], Iot("cert/*")),
    ];

    public static IEnumerable<PolicyStatement> ReconcileCertificate(Ledger ledger) =>
    [
        Allow(["dynamodb:Query", "dynamodb:PutItem"], ledger.Table.AttrArn, ledger.SweepIndexArn),
        Allow(["iot:ListThingPrincipalsV2", "iot:DetachThingPrincipal", "iot:ListCertificates", "iot:ListPrincipalThingsV2"], "*"),
        Allow(["iot:DescribeCertificate", "iot:UpdateCertificate", "iot:DeleteCertificate"], Iot("cert/*")),
        Allow(["iot:DescribeJobExecution"], Iot("thing/*"), Iot("job/*")),
    ];

    public static IEnumerable<PolicyStatement> EnableJobEvents() => [Allow(["iot:UpdateEventConfigurations"], "*")];

    /// <summary>That they may publish says the topic's own policy, which is enough within one account.</summary>
    public static IEnumerable<PolicyStatement> Notify(Topics topics) =>
    [
        Allow(["kms:Decrypt", "kms:GenerateDataKey"], topics.Key.AttrArn),
    ];

    public static PolicyStatement WriteLog(string logGroupArn) => Allow(["logs:CreateLogStream", "logs:PutLogEvents"], logGroupArn);

    /// <summary>AWS IoT looks for the stream before it makes one.</summary>
    public static PolicyStatement WriteRuleErrors(string logGroupArn) =>
        Allow(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], logGroupArn);

    public static PolicyStatement Allow(string[] actions, params string[] resources) =>
        new(new PolicyStatementProps { Actions = actions, Resources = resources });

    public static PolicyStatement OnlyOverTls(string action, string resource) => new(new PolicyStatementProps
    {
        Sid = "OnlyOverTls",
        Effect = Effect.DENY,
        Principals = [new StarPrincipal()],
        Actions = [action],
        Resources = [resource],
        Conditions = new Dictionary<string, object> { ["Bool"] = new Dictionary<string, object> { ["aws:SecureTransport"] = "false" } },
    });

    private static PolicyStatement Answers(string kind) => Allow(
        ["iot:Publish"], Iot($"topic/awslabs/things/*/certificate/{kind}/accepted"), Iot($"topic/awslabs/things/*/certificate/{kind}/rejected"));

    private static string Iot(string resource) => Fn.Sub($"arn:${{AWS::Partition}}:iot:${{AWS::Region}}:${{AWS::AccountId}}:{resource}");
}
