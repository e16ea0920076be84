using Amazon.CDK;
using Amazon.CDK.AWS.IAM;
using Amazon.CDK.AWS.IoT;
using Amazon.CDK.AWS.Lambda;
using Amazon.CDK.AWS.Logs;
using CfnPolicy = Amazon.CDK.AWS.IAM.CfnPolicy;
using CfnPolicyProps = Amazon.CDK.AWS.IAM.CfnPolicyProps;
using CfnRule = Amazon.CDK.AWS.Events.CfnRule;
using CfnRuleProps = Amazon.CDK.AWS.Events.CfnRuleProps;

namespace Keyturn.Infrastructure;

/// <summary>What starts the functions: messages of devices, the ends of job executions, the clock, and the stack's own deployment.</summary>
internal sealed class Rules
{
    // Columns are named one by one, so that a payload can't stand in for what only AWS IoT knows: principal, client id, the thing of the topic.
    private const string Sender = "topic(3) AS thingName, topic() AS topic, clientid() AS clientId, principal() AS principal";

    private readonly Stack _stack;
    private readonly CfnRole _errorsRole;

    public Rules(Stack stack, Settings settings, Functions functions)
    {
        _stack = stack;
        ErrorsLog = new CfnLogGroup(stack, "RuleErrorsLog", new CfnLogGroupProps
        {
            LogGroupName = $"/aws/iot/{RotatorApp.StackName}RuleErrors", RetentionInDays = settings.LogRetentionDays,
        });
        _errorsRole = new CfnRole(stack, "RuleErrorsRole", new CfnRoleProps
        {
            AssumeRolePolicyDocument = new PolicyDocument(new PolicyDocumentProps
            {
                Statements =
                [
                    new PolicyStatement(new PolicyStatementProps
                    {
                        Principals = [new ServicePrincipal("iot.amazonaws.com")], Actions = ["sts:AssumeRole"], Conditions = Permissions.OfThisAccount,
                    }),
                ],
            }),
        });
        new CfnPolicy(stack, "RuleErrorsPolicy", new CfnPolicyProps
        {
            PolicyName = $"{RotatorApp.StackName}RuleErrors",
            Roles = [_errorsRole.Ref],
            PolicyDocument = new PolicyDocument(new PolicyDocumentProps { Statements = [Permissions.WriteRuleErrors(ErrorsLog.AttrArn)] }),
        });

        OnMessage(
            "CreateCertificate", functions.CreateCertificate,
            $"SELECT jobId, csr, executionNumber, rotationId, clientToken, attest, certificateId, nonce, component, keyStore, notAfter, {Sender}, timestamp() AS receivedAt FROM 'awslabs/things/+/certificate/create'");
        OnMessage(
            "CommitCertificate", functions.CommitCertificate,
            $"SELECT jobId, rotationId, clientToken, verify, {Sender} FROM 'awslabs/things/+/certificate/commit'");
        OnMessage(
            "JobExecutionTerminal", functions.JobExecutionTerminal,
            "SELECT eventType, eventId, timestamp, operation, jobId, thingArn, status, statusDetails, topic() AS topic FROM '$aws/events/jobExecution/#' WHERE NOT isUndefined(statusDetails.CertificateRotator)");
        EveryHour(functions.ReconcileCertificate);
        OnDeployment(functions.EnableJobEvents);
    }

    public CfnLogGroup ErrorsLog { get; }

    private void OnMessage(string name, DeployedFunction function, string sql)
    {
        var rule = new CfnTopicRule(_stack, $"{name}Rule", new CfnTopicRuleProps
        {
            RuleName = function.Name,
            TopicRulePayload = new CfnTopicRule.TopicRulePayloadProperty
            {
                Description = $"AWS Labs Certificate Rotator: {name}",
                AwsIotSqlVersion = "2016-03-23",
                RuleDisabled = false,
                Sql = sql,
                Actions = new[]
                {
                    new CfnTopicRule.ActionProperty { Lambda = new CfnTopicRule.LambdaActionProperty { FunctionArn = function.Function.AttrArn } },
                },
                ErrorAction = new CfnTopicRule.ActionProperty
                {
                    CloudwatchLogs = new CfnTopicRule.CloudwatchLogsActionProperty { LogGroupName = ErrorsLog.Ref, RoleArn = _errorsRole.AttrArn },
                },
            },
        });
        Permit($"{name}Permission", function, "iot.amazonaws.com", rule.AttrArn);
    }

    private void EveryHour(DeployedFunction function)
    {
        var rule = new CfnRule(_stack, "ReconcileCertificateSchedule", new CfnRuleProps
        {
            Name = function.Name,
            Description = "AWS Labs Certificate Rotator: the hourly sweep",
            ScheduleExpression = "rate(1 hour)",
            State = "ENABLED",
            Targets = new[] { new CfnRule.TargetProperty { Id = "ReconcileCertificate", Arn = function.Function.AttrArn } },
        });
        Permit("ReconcileCertificatePermission", function, "events.amazonaws.com", rule.AttrArn);
    }

    private void OnDeployment(DeployedFunction function)
    {
        var events = new CfnCustomResource(_stack, "JobEvents", new CfnCustomResourceProps { ServiceToken = function.Function.AttrArn });
        // CloudFormation can't name the type of a level-1 custom resource; the plain name says nothing.
        events.AddOverride("Type", "Custom::AWSLabsCertificateRotatorJobEvents");
    }

    private void Permit(string id, DeployedFunction function, string principal, string sourceArn) => new CfnPermission(_stack, id, new CfnPermissionProps
    {
        FunctionName = function.Function.Ref,
        Action = "lambda:InvokeFunction",
        Principal = principal,
        SourceAccount = Aws.ACCOUNT_ID,
        SourceArn = sourceArn,
    });
}
