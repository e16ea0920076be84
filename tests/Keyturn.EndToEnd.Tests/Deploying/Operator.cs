using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.EndToEnd.Tests.Deploying;

/// <summary>Somebody with <c>keyturn component</c>, a bucket, and the archives that script/package would have made.</summary>
internal sealed class Operator
{
    public const string Bucket = "artifacts-of-the-fleet";
    private const string CoreRole = "GreengrassV2TokenExchangeRole";

    private readonly LocalFleet fleet;
    private readonly string packages;

    private Operator(LocalFleet fleet) => (this.fleet, packages) = (fleet, fleet.DirectoryOf("packages"));

    /// <summary>Credentials of this one's own, in place of those that may do everything.</summary>
    public IReadOnlyDictionary<string, string> Credentials { get; set; } = new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = "test" };

    public static async Task<Operator> AtWorkAsync(LocalFleet fleet)
    {
        var one = new Operator(fleet);
        Directory.CreateDirectory(one.packages);
        foreach (var platform in new[] { "linux-x64", "linux-arm64", "win-x64" })
        {
            await using var archive = await ZipFile.OpenAsync(Path.Combine(one.packages, $"certificate-rotator-{platform}.zip"), ZipArchiveMode.Create, TestContext.Current.CancellationToken);
            // For the other platforms something small: nobody runs it.
            var program = platform == Tools.Rid ? Tools.All.Component : Tools.All.Recipe;
            await archive.CreateEntryFromFileAsync(program, "certificate-rotator", CompressionLevel.Fastest, TestContext.Current.CancellationToken);
        }

        await fleet.Aws.JsonAsync("s3api", "create-bucket", "--bucket", Bucket);
        return one;
    }

    /// <summary>What docs/deploying.md asks for: core devices may read the artifacts.</summary>
    public async Task LetCoresReadAsync() => await fleet.Aws.JsonAsync(
        "iam", "put-role-policy", "--role-name", CoreRole, "--policy-name", "Artifacts", "--policy-document",
        $$"""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{{Bucket}}/aws.greengrass.labs.CertificateRotator/*"} }""");

    public Task<ShellResult> PublishAsync(string version, string bucket = Bucket) =>
        RunAsync("publish", "--bucket", bucket, "--packages", packages, "--recipe", Tools.All.Recipe, "--version", version, "--json");

    public Task<ShellResult> DeployAsync(string version, string group = "e2e") =>
        RunAsync("deploy", "--thing-group", group, "--recipe", Tools.All.Recipe, "--version", version, "--timeout", "120", "--json");

    public Task<ShellResult> RunAsync(params string[] arguments) => Shell.RunAsync(
        Tools.Keyturn, ["component", .. arguments],
        new Dictionary<string, string>(Credentials)
        {
            ["AWS_ENDPOINT_URL"] = fleet.Cloud.Api.ToString().TrimEnd('/'), ["AWS_REGION"] = "us-east-1", ["AWS_EC2_METADATA_DISABLED"] = "true",
            ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null", ["AWS_CONFIG_FILE"] = "/dev/null", ["AWS_MAX_ATTEMPTS"] = "1",
        },
        TimeSpan.FromMinutes(3));

    /// <summary>A command that must succeed, and the one line that it prints.</summary>
    public static async Task<JsonObject> DoneAsync(Task<ShellResult> command)
    {
        var result = await command;
        Assert.True(result.ExitCode == 0, $"{result.ExitCode}: {result.Output}{result.Error}");
        return JsonNode.Parse(result.Output)!.AsObject();
    }

    /// <summary>A command that must fail with one line that says so and what is left as it was.</summary>
    public static async Task RefusedAsync(Task<ShellResult> command, params string[] said)
    {
        var result = await command;
        Assert.True(result.ExitCode == 1, $"{result.ExitCode}: {result.Output}{result.Error}");
        var line = Assert.Single(result.ErrorLines);
        Assert.All(said, s => Assert.Contains(s, line, StringComparison.Ordinal));
        Assert.Contains("othing was changed", line, StringComparison.Ordinal);
    }

    /// <summary>What the cloud knows of a device's latest deployment.</summary>
    public async Task<(string Status, string Reason, string? Deployment)> LatestOnAsync(string thing)
    {
        var answer = await fleet.Aws.JsonAsync("greengrassv2", "list-effective-deployments", "--core-device-thing-name", thing);
        return answer.GetProperty("effectiveDeployments").EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.Object } latest
            ? (latest.GetProperty("coreDeviceExecutionStatus").GetString()!, latest.TryGetProperty("reason", out var reason) ? reason.GetString()! : "", latest.GetProperty("deploymentId").GetString())
            : ("", "", null);
    }

    public async Task<IReadOnlyDictionary<string, string>> InstalledOnAsync(string thing)
    {
        var answer = await fleet.Aws.JsonAsync("greengrassv2", "list-installed-components", "--core-device-thing-name", thing, "--topology-filter", "ALL");
        return answer.GetProperty("installedComponents").EnumerateArray().ToDictionary(c => c.GetProperty("componentName").GetString()!, c => c.GetProperty("componentVersion").GetString()!);
    }

    public async Task<Dictionary<string, int>> CallsAsync()
    {
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        return JsonSerializer.Deserialize<Dictionary<string, int>>(await http.GetStringAsync("/calls", TestContext.Current.CancellationToken))!;
    }
}
