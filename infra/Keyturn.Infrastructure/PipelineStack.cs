using Amazon.CDK;
using Amazon.CDK.AWS.CodeBuild;
using Amazon.CDK.AWS.CodePipeline;
using Amazon.CDK.AWS.CodePipeline.Actions;
using Amazon.CDK.AWS.IAM;
using Amazon.CDK.AWS.KMS;
using Amazon.CDK.AWS.S3;
using Amazon.CDK.AWS.SNS;
using Constructs;

namespace Keyturn.Infrastructure;

/// <summary>
/// From a commit to devices: build and test, publish the component, deploy backend and component, run the integration suite on the devices of a group,
/// tell how it went. What each step runs are the commands of docs/deploying.md.
/// </summary>
internal sealed class PipelineStack : Stack
{
    public const string Id = $"{RotatorApp.StackName}Pipeline";

    public PipelineStack(Construct scope, PipelineContext context)
        : base(scope, Id, new StackProps { StackName = Id, Description = "Builds, tests and deploys AWS Labs Certificate Rotator" })
    {
        var archives = Store("Archives", $"greengrass-certificate-rotator-{Aws.ACCOUNT_ID}-{Aws.REGION}", RemovalPolicy.RETAIN);
        var steps = new PipelineSteps(this, context, archives);
        var source = new Artifact_("Source");
        var built = new Artifact_("Built");
        var pipeline = new Pipeline(this, "Pipeline", new PipelineProps
        {
            PipelineName = Id,
            PipelineType = PipelineType.V2,
            CrossAccountKeys = false,
            ArtifactBucket = Store("Steps", null, RemovalPolicy.DESTROY),
            Stages =
            [
                Stage("Source", new CodeStarConnectionsSourceAction(new CodeStarConnectionsSourceActionProps
                {
                    ActionName = "Source",
                    ConnectionArn = $"arn:{Aws.PARTITION}:codestar-connections:{Aws.REGION}:{Aws.ACCOUNT_ID}:connection/{context.ConnectionId}",
                    Owner = context.OwnerName,
                    Repo = context.RepositoryName,
                    Branch = context.BranchName,
                    // With its history: versions are from git.
                    CodeBuildCloneOutput = true,
                    Output = source,
                })),
                Stage("Build", Run("BuildAndTest", steps.BuildAndTest, source, built)),
                Stage("Publish", Run("PublishComponent", steps.Publish, built)),
                Stage("Deploy", Run("Deploy", steps.Deploy, built)),
                Stage("Integration", Run("Integration", steps.Integration, built)),
            ],
        });
        pipeline.NotifyOnExecutionStateChange("Outcome", Notifications());
    }

    private static Amazon.CDK.AWS.CodePipeline.StageProps Stage(string name, IAction action) => new() { StageName = name, Actions = [action] };

    private static CodeBuildAction Run(string name, PipelineProject project, Artifact_ input, Artifact_? output = null) => new(new CodeBuildActionProps
    {
        ActionName = name, Project = project, Input = input, Outputs = output is null ? null : [output],
    });

    private Bucket Store(string id, string? name, RemovalPolicy removal) => new(this, id, new BucketProps
    {
        BucketName = name,
        Encryption = BucketEncryption.S3_MANAGED,
        BlockPublicAccess = BlockPublicAccess.BLOCK_ALL,
        EnforceSSL = true,
        Versioned = true,
        RemovalPolicy = removal,
        LifecycleRules = removal == RemovalPolicy.DESTROY
            ? [new LifecycleRule { Expiration = Duration.Days(30), NoncurrentVersionExpiration = Duration.Days(1) }]
            : [],
    });

    private Topic Notifications()
    {
        var key = new Key(this, "NotificationKey", new KeyProps { EnableKeyRotation = true, RemovalPolicy = RemovalPolicy.DESTROY });
        key.AddToResourcePolicy(new PolicyStatement(new PolicyStatementProps
        {
            Principals = [new ServicePrincipal("codestar-notifications.amazonaws.com")],
            Actions = ["kms:Decrypt", "kms:GenerateDataKey"],
            Resources = ["*"],
            Conditions = Permissions.OfThisAccount,
        }));
        return new Topic(this, "Notifications", new TopicProps { TopicName = $"{Id}Notification", MasterKey = key, EnforceSSL = true });
    }
}
