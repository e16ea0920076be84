using System.Diagnostics;
using System.Text.Json.Nodes;
using Keyturn.Cli.Components;

namespace Keyturn.Infrastructure.Tests;

public sealed class PipelineTests(SynthesizedStacks stacks)
{
    /// <summary>What may be open to everything: Greengrass and AWS IoT know no narrower resource for these, and a step of a build needs its log and reports.</summary>
    private static readonly string[] OnEverything =
        ["greengrass:ListComponents", "greengrass:CreateComponentVersion", "greengrass:ListDeployments", "greengrass:CreateDeployment", "greengrass:GetDeployment", "iot:ListJobs"];

    [Fact]
    public void Steps_come_in_order_and_the_outcome_is_told()
    {
        var pipeline = Assert.Single(stacks.Pipeline.Of("AWS::CodePipeline::Pipeline")).Properties;
        Assert.Equal(["Source", "Build", "Publish", "Deploy", "Integration"], ((JsonArray)pipeline["Stages"]!).Select(s => s!["Name"]!.ToString()));
        Assert.Equal("AWSLabsCertificateRotatorPipelineNotification", Assert.Single(stacks.Pipeline.Of("AWS::SNS::Topic")).Properties["TopicName"]!.ToString());
        Assert.Single(stacks.Pipeline.Of("AWS::CodeStarNotifications::NotificationRule"));
    }

    [Fact]
    public void The_build_packages_every_archive_that_the_component_is_published_with()
    {
        var (_, build) = Assert.Single(
            stacks.Pipeline.Of("AWS::CodeBuild::Project"), p => p.Properties["Name"]!.ToString().EndsWith("BuildAndTest", StringComparison.Ordinal));
        var commands = JsonNode.Parse(build["Source"]!["BuildSpec"]!.ToString())!["phases"]!["build"]!["commands"]!.AsArray();
        var packed = commands.Select(command => command!.ToString().Split(' ')).Where(words => words[0] == "script/package").SelectMany(words => Listed(words[1..]));
        var wanted = ComponentRecipe.Read(Path.Combine(SynthesizedStacks.RepositoryRoot, "src/Keyturn.Device/recipe.yaml")).Artifacts;

        Assert.NotEmpty(wanted);
        Assert.Empty(wanted.Except(packed));
        // script/sysroot asks the apt of the image for a mirror of Debian.
        Assert.Contains("bookworm", build["Environment"]!["Image"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(120, build["TimeoutInMinutes"]!.GetValue<int>());
    }

    [Fact]
    public void The_integration_suite_runs_on_the_group_and_against_the_authority_of_the_context()
    {
        var integration = Assert.Single(stacks.Pipeline.Of("AWS::CodeBuild::Project"), p => p.Properties["Name"]!.ToString().EndsWith("Integration", StringComparison.Ordinal));
        Assert.Contains(
            "script/integration --target aws --thing-group test-gateways --pca 11111111-2222-3333-4444-555555555555",
            integration.Properties["Source"]!["BuildSpec"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_script_that_a_step_runs_is_there()
    {
        var specs = string.Join('\n', stacks.Pipeline.Of("AWS::CodeBuild::Project").Select(p => p.Properties["Source"]!["BuildSpec"]!.ToJsonString()));
        var scripts = System.Text.RegularExpressions.Regex.Matches(specs, "script/[a-z-]+").Select(m => m.Value).Distinct().ToArray();
        Assert.NotEmpty(scripts);
        Assert.All(scripts, s => Assert.True(File.Exists(Path.Combine(SynthesizedStacks.RepositoryRoot, s)), s));
    }

    [Fact]
    public void What_it_keeps_is_encrypted_private_and_reached_over_TLS_only()
    {
        Assert.Equal(2, stacks.Pipeline.Of("AWS::S3::Bucket").Count());
        Assert.All(stacks.Pipeline.Of("AWS::S3::Bucket"), b =>
        {
            Assert.NotNull(b.Properties["BucketEncryption"]);
            Assert.True(b.Properties["PublicAccessBlockConfiguration"]!["BlockPublicAcls"]!.GetValue<bool>());
        });
        Assert.Equal(2, stacks.Pipeline.Of("AWS::S3::BucketPolicy").Count(p => p.Properties.ToJsonString().Contains("aws:SecureTransport", StringComparison.Ordinal)));
        Assert.All(stacks.Pipeline.Of("AWS::Logs::LogGroup"), l => Assert.NotNull(l.Properties["RetentionInDays"]));
        Assert.All(stacks.Pipeline.Of("AWS::CodeBuild::Project"), p => Assert.False(p.Properties["Environment"]!["PrivilegedMode"]!.GetValue<bool>()));
    }

    [Fact]
    public void No_step_may_do_more_to_everything_than_what_knows_no_narrower_resource()
    {
        foreach (var (id, statement) in stacks.Pipeline.Statements().Where(s => s.Statement["Resource"]?.ToJsonString() == "\"*\"" && stacks.Pipeline.Section("Resources")[s.Id]!["Type"]!.ToString() == "AWS::IAM::Policy"))
        {
            var actions = statement["Action"] is JsonArray many ? many.Select(a => a!.ToString()) : [statement["Action"]!.ToString()];
            Assert.All(actions, a => Assert.True(OnEverything.Contains(a), $"{id} may {a} everything"));
        }
    }

    private static IEnumerable<string> Listed(string[] targets)
    {
        var script = Path.Combine(SynthesizedStacks.RepositoryRoot, "script/package");
        using var process = Process.Start(new ProcessStartInfo(script, ["--list", .. targets]) { RedirectStandardOutput = true })!;
        var archives = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return archives;
    }
}
