using System.Text;
using System.Text.Json.Nodes;
using Keyturn.Cli.Components;

namespace Keyturn.Cli.Tests.Components;

public sealed class ComponentTests : IAsyncLifetime
{
    private readonly string _packages = Directory.CreateTempSubdirectory("keyturn-packages-").FullName;
    private readonly ScriptedAws _aws = new();

    private static string RecipeFile
    {
        get
        {
            for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            {
                if (File.Exists(Path.Combine(directory.FullName, "Keyturn.slnx")))
                    return Path.Combine(directory.FullName, "src", "Keyturn.Device", "recipe.yaml");
            }

            throw new InvalidOperationException("The tests run from the repository's artifacts directory.");
        }
    }

    public ValueTask InitializeAsync()
    {
        foreach (var archive in ComponentRecipe.Read(RecipeFile).Artifacts)
            File.WriteAllText(Path.Combine(_packages, archive), "archive");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _aws.DisposeAsync();
        Directory.Delete(_packages, recursive: true);
    }

    [Fact]
    public async Task Publish_uploads_what_the_recipe_names_and_then_publishes_it()
    {
        var run = await PublishAsync();

        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Equal("DEPLOYABLE", JsonNode.Parse(run.Output)!["state"]!.ToString());
        var archives = ComponentRecipe.Read(RecipeFile).Artifacts;
        Assert.Equal(
            [.. archives.Select(a => $"PUT /archives/aws.greengrass.labs.CertificateRotator/2.0.1/{a}"), "POST /greengrass/v2/createComponentVersion"], _aws.Changes);
        Assert.All(archives, a => Assert.Contains($"s3://archives/aws.greengrass.labs.CertificateRotator/2.0.1/{a}\n", _aws.Recipe, StringComparison.Ordinal));
        Assert.Contains("ComponentVersion: 2.0.1\n", _aws.Recipe, StringComparison.Ordinal);
        Assert.DoesNotContain("BUCKET_NAME", _aws.Recipe, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(_aws.Recipe!), 1, 16 * 1024);
    }

    [Theory]
    [InlineData("/archives", 403, "AccessDenied", "may not do s3:PutObject")]
    [InlineData("/archives", 404, "NoSuchBucket", "there is no bucket archives (NoSuchBucket). Nothing was changed. Make it")]
    [InlineData("/archives", 301, "PermanentRedirect", "Set AWS_REGION")]
    [InlineData("/greengrass", 409, "ConflictException", "AWS says")]
    [InlineData("/greengrass", 403, "ExpiredTokenException", "credentials have expired")]
    [InlineData("/greengrass", 403, "UnrecognizedClientException", "does not know these credentials")]
    [InlineData("/greengrass", 403, "AccessDeniedException", "may not do greengrass:ListComponents")]
    public async Task Publish_refused_changes_nothing_and_says_so(string path, int status, string code, string said)
    {
        _aws.Refusals[path] = (status, code);

        var run = await PublishAsync();

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(said, run.Errors, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed.", run.Errors, StringComparison.Ordinal);
        Assert.Empty(_aws.Changes);
    }

    [Theory]
    [InlineData("Archives")]
    [InlineData("my_archives")]
    [InlineData("s3://archives")]
    [InlineData("ab")]
    [InlineData("-archives")]
    [InlineData("archives!")]
    public async Task What_can_be_no_bucket_is_refused_before_AWS_is_asked(string bucket)
    {
        var run = await KeyturnProcess.RunAsync(_aws.Url, "component", "publish", $"--bucket={bucket}", "--packages", _packages, "--recipe", RecipeFile);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"--bucket '{bucket}' can't be the name of an S3 bucket", run.Errors, StringComparison.Ordinal);
        Assert.Empty(_aws.Changes);
    }

    [Fact]
    public async Task A_version_is_published_once()
    {
        _aws.Versions.Add("2.0.1");

        var run = await PublishAsync();

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("2.0.1 is published already", run.Errors, StringComparison.Ordinal);
        Assert.Empty(_aws.Changes);
    }

    [Fact]
    public async Task Without_archives_or_credentials_nothing_is_called()
    {
        var run = await KeyturnProcess.RunAsync(_aws.Url, "component", "publish", "--bucket", "archives", "--packages", "/nowhere", "--recipe", RecipeFile);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("keyturn component build", run.Errors, StringComparison.Ordinal);

        run = await KeyturnProcess.RunAsync(null, "component", "deploy", "--thing-group", "gateways", "--recipe", RecipeFile);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("AWS was not called", run.Errors, StringComparison.Ordinal);
        Assert.Contains("AWS_PROFILE", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_keeps_what_the_group_had()
    {
        _aws.Versions.Add("2.0.1");
        _aws.Deployment = (JsonObject)JsonNode.Parse("""
            {
              "deploymentId": "d1", "deploymentName": "gateways", "deploymentStatus": "ACTIVE", "revisionId": "7", "iotJobId": "job-d1",
              "targetArn": "arn:aws:iot:us-east-1:012345678901:thinggroup/gateways",
              "deploymentPolicies": { "failureHandlingPolicy": "DO_NOTHING" },
              "components": {
                "com.example.Other": { "componentVersion": "1.2.3", "configurationUpdate": { "merge": "{\"a\":1}" } },
                "aws.greengrass.labs.CertificateRotator": { "componentVersion": "2.0.0", "configurationUpdate": { "merge": "{\"keyAlgorithm\":\"ECDSA-P256\"}" } }
              }
            }
            """)!;

        var run = await DeployAsync();

        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Equal(2, JsonNode.Parse(run.Output)!["succeeded"]!.GetValue<int>());
        var expected = JsonNode.Parse("""
            {
              "targetArn": "arn:aws:iot:us-east-1:012345678901:thinggroup/gateways",
              "deploymentName": "gateways",
              "deploymentPolicies": { "failureHandlingPolicy": "DO_NOTHING" },
              "components": {
                "com.example.Other": { "componentVersion": "1.2.3", "configurationUpdate": { "merge": "{\"a\":1}" } },
                "aws.greengrass.labs.CertificateRotator": { "componentVersion": "2.0.1", "configurationUpdate": { "merge": "{\"keyAlgorithm\":\"ECDSA-P256\"}" } }
              }
            }
            """);
        Assert.True(JsonNode.DeepEquals(expected, _aws.Created), _aws.Created?.ToJsonString());
    }

    [Fact]
    public async Task Deploy_tells_a_script_that_part_of_the_fleet_failed()
    {
        _aws.Versions.Add("2.0.1");
        _aws.Progress = new JsonObject { ["numberOfSucceededThings"] = 1, ["numberOfFailedThings"] = 1 };

        var run = await DeployAsync();

        Assert.Equal(2, run.ExitCode);
        Assert.Equal(1, JsonNode.Parse(run.Output)!["notSucceeded"]!.GetValue<int>());
    }

    [Fact]
    public async Task Deploy_to_a_group_that_does_not_exist_or_of_a_version_that_is_not_published_changes_nothing()
    {
        var run = await DeployAsync();
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is not published", run.Errors, StringComparison.Ordinal);

        _aws.Refusals["/thing-groups"] = (404, "ResourceNotFoundException");
        run = await DeployAsync();
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("there is no thing group gateways", run.Errors, StringComparison.Ordinal);
        Assert.Empty(_aws.Changes);
    }

    private Task<KeyturnProcess> PublishAsync() => KeyturnProcess.RunAsync(
        _aws.Url, "component", "publish", "--bucket", "archives", "--packages", _packages, "--recipe", RecipeFile, "--version", "2.0.1", "--json");

    private Task<KeyturnProcess> DeployAsync() => KeyturnProcess.RunAsync(
        _aws.Url, "component", "deploy", "--thing-group", "gateways", "--recipe", RecipeFile, "--version", "2.0.1", "--timeout", "20", "--json");
}
