using Amazon.CDK;
using Amazon.CDK.AWS.CodeBuild;
using Amazon.CDK.AWS.IAM;
using Amazon.CDK.AWS.Logs;
using Amazon.CDK.AWS.S3;

namespace Keyturn.Infrastructure;

/// <summary>The steps of the pipeline: what each runs and, one role a step, what it may do.</summary>
internal sealed class PipelineSteps
{
    private const string Keyturn = "artifacts/bin/Keyturn.Cli/release/keyturn";

    private static readonly string[] Everything = ["**/*"];

    /// <summary>
    /// Debian 12 with git and curl. Packages are linked against what script/sysroot takes from a mirror of Debian, and it asks the machine's own apt for one.
    /// </summary>
    private static readonly IBuildImage Debian = LinuxBuildImage.FromDockerRegistry("public.ecr.aws/docker/library/buildpack-deps:bookworm-scm");

    private readonly Stack _stack;

    public PipelineSteps(Stack stack, PipelineContext context, Bucket archives)
    {
        _stack = stack;
        var privateCa = context.PcaCaId is { } id ? $" --context PcaCaId={id}" : "";
        var pca = context.PcaCaId is { } ca ? $" --pca {ca}" : "";

        // Every archive that the recipe names: 'component publish' refuses while one is missing.
        BuildAndTest = Step("BuildAndTest", Debian, Duration.Hours(2), "script/test", "script/package", "script/version > artifacts/version");
        Publish = Step(
            "Publish", LinuxBuildImage.STANDARD_7_0, Duration.Minutes(15), "script/bootstrap build", "script/build",
            $"{Keyturn} component publish --bucket \"{archives.BucketName}\" --version \"$(cat artifacts/version)\" --json");
        Deploy = Step(
            "Deploy", LinuxBuildImage.STANDARD_7_0, Duration.Minutes(45), "script/bootstrap", "script/build",
            $"cd infra && npx --yes aws-cdk@2 deploy {RotatorApp.StackName} --require-approval never{privateCa} && cd ..",
            $"{Keyturn} component deploy --thing-group {context.ThingGroupName} --version \"$(cat artifacts/version)\" --json");
        Integration = Step(
            "Integration", LinuxBuildImage.STANDARD_7_0, Duration.Hours(2), $"script/integration --target aws --thing-group {context.ThingGroupName}{pca}");

        archives.GrantPut(Publish, "aws.greengrass.labs.CertificateRotator/*");
        archives.GrantRead(Publish, "aws.greengrass.labs.CertificateRotator/*");
        Allow(Publish, ["greengrass:ListComponents", "greengrass:CreateComponentVersion"], "*");
        Allow(Publish, ["greengrass:ListComponentVersions", "greengrass:DescribeComponent"], Component(), $"{Component()}:versions:*");

        Allow(Deploy, ["sts:AssumeRole"], $"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/cdk-hnb659fds-*-{Aws.ACCOUNT_ID}-{Aws.REGION}");
        Allow(Deploy, ["greengrass:ListComponents", "greengrass:ListDeployments", "greengrass:CreateDeployment", "greengrass:GetDeployment"], "*");
        Allow(Deploy, ["greengrass:ListComponentVersions"], Component());
        Allow(Deploy, ["iot:DescribeThingGroup", "iot:ListThingsInThingGroup", "iot:CreateJob"], Iot($"thinggroup/{context.ThingGroupName}"));
        Allow(Deploy, ["iot:CreateJob", "iot:DescribeJob", "iot:CancelJob", "iot:UpdateJob"], Iot("job/*"));

        Allow(Integration, ["iot:DescribeThingGroup", "iot:ListThingsInThingGroup", "iot:CreateJob"], Iot($"thinggroup/{context.ThingGroupName}"));
        Allow(Integration, ["iot:CreateJob", "iot:DescribeJobExecution", "iot:CancelJob", "iot:DeleteJob"], Iot("job/*"), Iot("thing/*"));
        Allow(Integration, ["iot:CreateJob", "iot:DescribeJobTemplate"], Iot($"jobtemplate/{RotatorApp.StackName}"));
        Allow(Integration, ["iot:ListThingPrincipals", "iot:DescribeThing"], Iot("thing/*"));
        Allow(Integration, ["iot:DescribeCertificate"], Iot("cert/*"));
        Allow(Integration, ["iot:EnableTopicRule", "iot:DisableTopicRule"], Iot($"rule/{RotatorApp.StackName}*"));
        Allow(Integration, ["iot:ListJobs"], "*");
        Allow(Integration, ["lambda:GetFunctionConfiguration"], $"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{RotatorApp.StackName}CreateCertificate");
    }

    public PipelineProject BuildAndTest { get; }

    public PipelineProject Publish { get; }

    public PipelineProject Deploy { get; }

    public PipelineProject Integration { get; }

    private static void Allow(PipelineProject step, string[] actions, params string[] resources) => step.AddToRolePolicy(Permissions.Allow(actions, resources));

    private static string Iot(string resource) => $"arn:{Aws.PARTITION}:iot:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}";

    private static string Component() => $"arn:{Aws.PARTITION}:greengrass:{Aws.REGION}:{Aws.ACCOUNT_ID}:components:aws.greengrass.labs.CertificateRotator";

    private PipelineProject Step(string name, IBuildImage image, Duration timeout, params string[] commands)
    {
        var log = new LogGroup(_stack, $"{name}Log", new LogGroupProps
        {
            LogGroupName = $"/aws/codebuild/{PipelineStack.Id}{name}", Retention = RetentionDays.THREE_MONTHS, RemovalPolicy = RemovalPolicy.DESTROY,
        });
        return new PipelineProject(_stack, name, new PipelineProjectProps
        {
            ProjectName = $"{PipelineStack.Id}{name}",
            Timeout = timeout,
            Environment = new BuildEnvironment { BuildImage = image, ComputeType = ComputeType.MEDIUM },
            Logging = new LoggingOptions { CloudWatch = new CloudWatchLoggingOptions { LogGroup = log } },
            BuildSpec = BuildSpec.FromObject(new Dictionary<string, object>
            {
                ["version"] = "0.2",
                ["env"] = new Dictionary<string, object> { ["shell"] = "bash" },
                ["phases"] = new Dictionary<string, object>
                {
                    ["install"] = Commands(
                        "curl --silent --show-error --fail --location https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0 --install-dir /usr/share/dotnet",
                        "ln --symbolic --force /usr/share/dotnet/dotnet /usr/local/bin/dotnet"),
                    ["build"] = Commands(commands),
                },
                ["artifacts"] = new Dictionary<string, object> { ["files"] = Everything },
            }),
        });
    }

    private static Dictionary<string, object> Commands(params string[] commands) => new() { ["commands"] = commands };
}
