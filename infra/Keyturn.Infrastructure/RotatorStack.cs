using Amazon.CDK;
using Amazon.CDK.AWS.Lambda;
using Amazon.CDK.AWS.S3.Assets;
using Constructs;

namespace Keyturn.Infrastructure;

/// <summary>
/// The backend. Of level-1 constructs, so that the template reads as what is deployed: logical ids without hashes, no resource that
/// a construct added on its own, no permission that a grant widened.
/// </summary>
internal sealed class RotatorStack : Stack
{
    public RotatorStack(Construct scope, string id, StackContext context)
        : base(scope, id, new StackProps
        {
            StackName = RotatorApp.StackName,
            Description = "Rotates certificate and private key of AWS IoT Greengrass core devices",
            // Without the CDK nobody bootstraps, and there is no asset that would need it.
            Synthesizer = new DefaultStackSynthesizer(new DefaultStackSynthesizerProps { GenerateBootstrapVersionRule = context.FunctionPackage is not null }),
        })
    {
        var settings = new Settings(this, context);
        var code = Code(context);
        var topics = new Topics(this, settings);
        var ledger = new Ledger(this, context);
        var deadLetters = new DeadLetters(this);
        var functions = new Functions(this, settings, code, ledger, topics, deadLetters);
        topics.AllowPublishing(functions.Notifying);
        var rules = new Rules(this, settings, functions);
        var alarms = new Alarms(this, functions, deadLetters, rules, topics);
        new Dashboard(this, functions, deadLetters, alarms);
        var jobTemplate = JobTemplates.Create(this, settings, context);

        Output("JobTemplateArn", "For aws iot create-job --job-template-arn", jobTemplate.AttrArn);
        Output("NotificationTopicArn", "Subscribe to hear of rotations that did not succeed", topics.Notifications.Ref);
        Output("AlarmTopicArn", "Subscribe to hear of the stack's own alarms", topics.Alarms.Ref);
        Output("LedgerTable", "The record of every rotation", ledger.Table.Ref);
    }

    private CfnFunction.CodeProperty Code(StackContext context)
    {
        if (context.FunctionPackage is { } package)
        {
            var asset = new Asset(this, "FunctionPackage", new AssetProps { Path = package });
            return new CfnFunction.CodeProperty { S3Bucket = asset.S3BucketName, S3Key = asset.S3ObjectKey };
        }

        var bucket = new CfnParameter(this, "FunctionBucket", new CfnParameterProps
        {
            Type = "String", Default = "greengrass-certificate-rotator", Description = "S3 bucket with the functions' package, in the stack's region",
        });
        var key = new CfnParameter(this, "FunctionKey", new CfnParameterProps
        {
            Type = "String", Default = "functions-linux-arm64.zip", Description = "Key of the package that script/package makes for arm64",
        });
        return new CfnFunction.CodeProperty { S3Bucket = bucket.ValueAsString, S3Key = key.ValueAsString };
    }

    private void Output(string name, string description, string value) =>
        new CfnOutput(this, name, new CfnOutputProps { Description = description, Value = value });
}
