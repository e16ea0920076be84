using Amazon.CDK;
using Amazon.CDK.AWS.IAM;
using Amazon.CDK.AWS.Lambda;
using Amazon.CDK.AWS.Logs;

namespace Keyturn.Infrastructure;

/// <summary>A function with its role, its log and what becomes of events that it does not take.</summary>
internal sealed record DeployedFunction(string Name, CfnFunction Function, CfnRole Role);

/// <summary>The functions: one executable, and the handler's name says which use case.</summary>
internal sealed class Functions
{
    private readonly Stack _stack;
    private readonly Settings _settings;
    private readonly CfnFunction.CodeProperty _code;
    private readonly DeadLetters _deadLetters;

    public Functions(Stack stack, Settings settings, CfnFunction.CodeProperty code, Ledger ledger, Topics topics, DeadLetters deadLetters)
    {
        (_stack, _settings, _code, _deadLetters) = (stack, settings, code, deadLetters);
        new CfnCondition(stack, "PrivateCaIssues", new CfnConditionProps { Expression = Fn.ConditionNot(Fn.ConditionEquals(settings.PcaCaArn, "")) });
        var trail = ("TRAIL_RETENTION_DAYS", settings.TrailRetentionDays);
        var grace = ("RETIREMENT_GRACE_HOURS", settings.RetirementGraceHours);
        var table = ("LEDGER_TABLE", ledger.Table.Ref);
        var topic = ("SNS_TOPIC_ARN", topics.Notifications.Ref);
        var document = ("JOB_DOCUMENT", settings.JobDocument);

        // Timeouts are shorter than a rotation's lease, and an event is not older than a device waits.
        CreateCertificate = Function(
            "CreateCertificate", "issues a certificate for a device's new key", timeout: 45, eventAge: 300,
            [.. Permissions.CreateCertificate(ledger, settings.PcaCaArn, "PrivateCaIssues"), .. Permissions.Notify(topics)],
            table, topic, document, grace, trail,
            ("PCA_CA_ARN", settings.PcaCaArn), ("PCA_VALIDITY_IN_DAYS", settings.PcaValidityInDays),
            ("PCA_SIGNING_ALGORITHM", settings.PcaSigningAlgorithm), ("PCA_TEMPLATE_ARN", settings.PcaTemplateArn),
            ("ALLOWED_KEY_ALGORITHMS", settings.AllowedKeyAlgorithms));
        CommitCertificate = Function(
            "CommitCertificate", "records that a device stays with its new certificate", timeout: 20, eventAge: 300,
            [.. Permissions.CommitCertificate(ledger)], table, document, trail);
        JobExecutionTerminal = Function(
            "JobExecutionTerminal", "retires the old certificate, or says why a rotation did not succeed", timeout: 45, eventAge: 21_600,
            [.. Permissions.JobExecutionTerminal(ledger), .. Permissions.Notify(topics)], table, topic, document, grace, trail);
        ReconcileCertificate = Function(
            "ReconcileCertificate", "the hourly sweep ends what nobody ended", timeout: 300, eventAge: 3600,
            [.. Permissions.ReconcileCertificate(ledger), .. Permissions.Notify(topics)],
            table, topic, grace, trail, ("SILENT_AFTER_HOURS", settings.SilentAfterHours));
        EnableJobEvents = Function(
            "EnableJobEvents", "has AWS IoT announce the ends of job executions", timeout: 45, eventAge: 300, [.. Permissions.EnableJobEvents()]);
    }

    public DeployedFunction CreateCertificate { get; }

    public DeployedFunction CommitCertificate { get; }

    public DeployedFunction JobExecutionTerminal { get; }

    public DeployedFunction ReconcileCertificate { get; }

    public DeployedFunction EnableJobEvents { get; }

    public IReadOnlyList<DeployedFunction> All => [CreateCertificate, CommitCertificate, JobExecutionTerminal, ReconcileCertificate, EnableJobEvents];

    /// <summary>Three: each finds things that an operator must hear of at once, and a message on the way between functions could get lost.</summary>
    public IEnumerable<CfnRole> Notifying => [CreateCertificate.Role, JobExecutionTerminal.Role, ReconcileCertificate.Role];

    private DeployedFunction Function(
        string name, string purpose, int timeout, int eventAge, PolicyStatement[] permissions, params (string Name, string Value)[] variables)
    {
        var full = RotatorApp.StackName + name;
        var log = new CfnLogGroup(_stack, $"{name}Log", new CfnLogGroupProps
        {
            LogGroupName = $"/aws/lambda/{full}", RetentionInDays = _settings.LogRetentionDays,
        });
        var role = Role($"{name}Role", "lambda.amazonaws.com");
        var policy = new CfnPolicy(_stack, $"{name}Policy", new CfnPolicyProps
        {
            PolicyName = full,
            Roles = [role.Ref],
            PolicyDocument = new PolicyDocument(new PolicyDocumentProps
            {
                Statements =
                [
                    Permissions.WriteLog(log.AttrArn), Permissions.Allow(["sqs:SendMessage"], _deadLetters.Queue.AttrArn), .. permissions,
                ],
            }),
        });
        var function = new CfnFunction(_stack, $"{name}Function", new CfnFunctionProps
        {
            FunctionName = full,
            Description = $"AWS Labs Certificate Rotator: {purpose}",
            Runtime = "provided.al2023",
            Architectures = ["arm64"],
            Handler = name,
            MemorySize = 512,
            Timeout = timeout,
            Role = role.AttrArn,
            Code = _code,
            Environment = variables.Length == 0 ? null : new CfnFunction.EnvironmentProperty { Variables = variables.ToDictionary(v => v.Name, v => v.Value) },
            LoggingConfig = new CfnFunction.LoggingConfigProperty { LogGroup = log.Ref },
        });
        function.AddDependency(policy);
        new CfnEventInvokeConfig(_stack, $"{name}Invocation", new CfnEventInvokeConfigProps
        {
            FunctionName = function.Ref,
            Qualifier = "$LATEST",
            MaximumEventAgeInSeconds = eventAge,
            MaximumRetryAttempts = name == "ReconcileCertificate" ? 0 : 2,
            DestinationConfig = new CfnEventInvokeConfig.DestinationConfigProperty
            {
                OnFailure = new CfnEventInvokeConfig.OnFailureProperty { Destination = _deadLetters.Queue.AttrArn },
            },
        });
        return new DeployedFunction(full, function, role);
    }

    private CfnRole Role(string id, string service) => new(_stack, id, new CfnRoleProps
    {
        AssumeRolePolicyDocument = new PolicyDocument(new PolicyDocumentProps
        {
            Statements = [new PolicyStatement(new PolicyStatementProps { Principals = [new ServicePrincipal(service)], Actions = ["sts:AssumeRole"] })],
        }),
    });
}
