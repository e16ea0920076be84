using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Greengrass;

/// <summary>greengrassv2 through Debian's CLI: components and their versions.</summary>
public sealed class ComponentCliTests(LocalCloudProcess cloud) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("local-cloud-gg-").FullName;
    private readonly string _name = $"com.example.c{Guid.NewGuid():N}";

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_version_is_made_described_got_listed_and_deleted()
    {
        var bucket = $"components-{Guid.NewGuid():N}";
        await cloud.Aws.RunAsync("s3api", "create-bucket", "--bucket", bucket);
        var file = Path.Combine(_directory, "a.zip");
        await File.WriteAllTextAsync(file, "content", TestContext.Current.CancellationToken);
        await cloud.Aws.RunAsync("s3api", "put-object", "--bucket", bucket, "--key", "a.zip", "--body", file);

        var created = await Create(Recipe("1.0.0", $"s3://{bucket}/a.zip"));
        Assert.Equal((_name, "1.0.0", "REQUESTED"), (created["componentName"]!.ToString(), created["componentVersion"]!.ToString(), created["status"]!["componentState"]!.ToString()));
        var arn = created["arn"]!.ToString();
        Assert.Equal($"arn:aws:greengrass:us-east-1:012345678901:components:{_name}:versions:1.0.0", arn);
        var described = await Api("describe-component", "--arn", arn);
        Assert.Equal("DEPLOYABLE", described["status"]!["componentState"]!.ToString());
        Assert.Equal("linux", described["platforms"]![0]!["attributes"]!["os"]!.ToString());
        Assert.Equal("Somebody", described["publisher"]!.ToString());

        // The artifact's digest is in the recipe that devices get.
        var json = JsonNode.Parse(Convert.FromBase64String((await Api("get-component", "--arn", arn, "--recipe-output-format", "JSON"))["recipe"]!.ToString()))!;
        var artifact = json["Manifests"]![0]!["Artifacts"]![0]!;
        Assert.Equal((Convert.ToBase64String(SHA256.HashData("content"u8)), "SHA-256"), (artifact["Digest"]!.ToString(), artifact["Algorithm"]!.ToString()));
        Assert.Equal("007", json["ComponentConfiguration"]!["DefaultConfiguration"]!["text"]!.GetValue<string>());
        Assert.Equal(7, json["ComponentConfiguration"]!["DefaultConfiguration"]!["number"]!.GetValue<int>());
        var yaml = Encoding.UTF8.GetString(Convert.FromBase64String((await Api("get-component", "--arn", arn))["recipe"]!.ToString()));
        Assert.Contains($"ComponentName: {_name}", yaml, StringComparison.Ordinal);
        // What comes out goes in again.
        await Create(yaml.Replace("1.0.0", "1.0.1", StringComparison.Ordinal));
        await Create(Recipe("1.0.10"));
        await Create(Recipe("1.0.10-rc.2"));

        var component = arn[..arn.IndexOf(":versions", StringComparison.Ordinal)];
        var versions = await Api("list-component-versions", "--arn", component, "--page-size", "1");
        Assert.Equal(["1.0.10", "1.0.10-rc.2", "1.0.1", "1.0.0"], versions["componentVersions"]!.AsArray().Select(v => v!["componentVersion"]!.ToString()));
        var mine = (await Api("list-components", "--scope", "PRIVATE"))["components"]!.AsArray().Single(c => c!["componentName"]!.ToString() == _name)!;
        Assert.Equal((component, "1.0.10"), (mine["arn"]!.ToString(), mine["latestVersion"]!["componentVersion"]!.ToString()));
        Assert.Empty((await Api("list-components", "--scope", "PUBLIC"))["components"]!.AsArray());

        await Api("delete-component", "--arn", arn);
        Assert.Equal("ResourceNotFoundException", await Refused("describe-component", "--arn", arn));
        Assert.Equal("ResourceNotFoundException", await Refused("delete-component", "--arn", arn));
    }

    [Fact]
    public async Task What_is_no_recipe_is_refused_and_a_version_is_made_once()
    {
        foreach (var wrong in (string[])["", "x", "[1]", "{", "a: [", "a: &x [1]\n? *x : 2", Recipe("1.0"), Recipe("1.0.0.0"), Recipe("v1.0.0"), Recipe("1.0.0").Replace("2020-01-25", "2021-01-25", StringComparison.Ordinal),
            Recipe("1.0.0").Replace(_name, "a b", StringComparison.Ordinal), Recipe("1.0.0").Replace(_name, new string('a', 129), StringComparison.Ordinal), Recipe("1.0.0") + new string('#', 16 * 1024),
            Recipe("1.0.0", "s3://no-such-bucket-here/a.zip"), Recipe("1.0.0", "https://example.com/a.zip"), Recipe("1.0.0").Replace(">=2.0.0", "newest", StringComparison.Ordinal)])
            Assert.Equal("ValidationException", await Refused("create-component-version", "--inline-recipe", wrong));

        await Api("create-component-version", "--inline-recipe", Recipe("1.0.0"), "--client-token", _name[12..]);
        // The same request again is the same version; another with its token, or the version a second time, is a conflict.
        await Api("create-component-version", "--inline-recipe", Recipe("1.0.0"), "--client-token", _name[12..]);
        Assert.Equal("ConflictException", await Refused("create-component-version", "--inline-recipe", Recipe("1.0.1"), "--client-token", _name[12..]));
        Assert.Equal("ConflictException", await Refused("create-component-version", "--inline-recipe", Recipe("1.0.0")));
        Assert.Equal("ResourceNotFoundException", await Refused("list-component-versions", "--arn", "arn:aws:greengrass:us-east-1:012345678901:components:com.example.None"));
        Assert.Equal("ValidationException", await Refused("describe-component", "--arn", "arn:aws:iot:us-east-1:012345678901:thing/x"));
    }

    private string Recipe(string version, string? artifact = null) => $"""
        RecipeFormatVersion: "2020-01-25"
        ComponentName: {_name}
        ComponentVersion: {version}
        ComponentPublisher: Somebody
        ComponentConfiguration:
          DefaultConfiguration:
            text: "007"
            number: 7
        ComponentDependencies:
          aws.greengrass.Nucleus:
            VersionRequirement: ">=2.0.0"
            DependencyType: SOFT
        Manifests:
          - Platform:
              os: linux
            Lifecycle:
              run: sleep 1
        """ + (artifact is null ? "" : $"\n    Artifacts:\n      - Uri: {artifact}\n");

    private Task<JsonNode> Create(string recipe) => Api("create-component-version", "--inline-recipe", recipe);

    private Task<JsonNode> Api(params string[] arguments) => cloud.Aws.RunAsync(["greengrassv2", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["greengrassv2", .. arguments]);
}
