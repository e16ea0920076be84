using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Api;

/// <summary>Client tokens: the same request again, another with the token of one before, and how long a token is remembered.</summary>
public sealed class IdempotencyTests
{
    [Fact]
    public async Task Greengrass_repeats_its_answer_for_eight_hours_whatever_became_of_what_it_made()
    {
        await using var cloud = await TimedCloud.StartAsync();
        await cloud.CallAsync("iot", "POST", "/things/t1", "{}");
        var component = Component("1.0.0");
        var deployment = """{"targetArn":"arn:aws:iot:us-east-1:012345678901:thing/t1","clientToken":"token"}""";
        var first = await MakeAsync("createComponentVersion", component);
        var deployed = await MakeAsync("deployments", deployment);

        Assert.Equal(204, (await cloud.CallAsync("greengrass", "DELETE", "/greengrass/v2/components/" + Uri.EscapeDataString(first.Json["arn"]!.ToString()))).Status);
        Assert.Equal((201, first.Text), (await MakeAsync("createComponentVersion", component)) is var again ? (again.Status, again.Text) : default);
        Assert.Equal(deployed.Text, (await MakeAsync("deployments", deployment)).Text);
        Assert.Empty((await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/components")).Json["components"]!.AsArray());
        Assert.Equal((409, "ConflictException"), (await MakeAsync("createComponentVersion", Component("1.0.1"))) is var other ? (other.Status, other.Error) : default);
        Assert.Equal((409, "ConflictException"), (await MakeAsync("deployments", deployment.Replace("}", ""","deploymentName":"x"}""", StringComparison.Ordinal))) is var more ? (more.Status, more.Error) : default);

        cloud.Time.Advance(TimeSpan.FromHours(8));

        Assert.Equal(201, (await MakeAsync("createComponentVersion", Component("1.0.1"))).Status);
        Assert.NotEqual(deployed.Json["deploymentId"]!.ToString(), (await MakeAsync("deployments", deployment)).Json["deploymentId"]!.ToString());

        Task<SignedAnswer> MakeAsync(string what, string body) => cloud.CallAsync("greengrass", "POST", "/greengrass/v2/" + what, body);

        static string Component(string version) => new JsonObject
        {
            ["clientToken"] = "token",
            ["inlineRecipe"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"RecipeFormatVersion":"2020-01-25","ComponentName":"com.example.A","ComponentVersion":"{{version}}"}""")),
        }.ToJsonString();
    }

    [Fact]
    public async Task A_request_that_was_refused_leaves_its_token_free()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var deployment = """{"targetArn":"arn:aws:iot:us-east-1:012345678901:thing/t1","clientToken":"token"}""";
        Assert.Equal(404, (await cloud.CallAsync("greengrass", "POST", "/greengrass/v2/deployments", deployment)).Status);
        await cloud.CallAsync("iot", "POST", "/things/t1", "{}");
        Assert.Equal(201, (await cloud.CallAsync("greengrass", "POST", "/greengrass/v2/deployments", deployment)).Status);
    }

    [Fact]
    public async Task A_token_makes_one_certificate_authority_within_five_minutes()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var first = await CreateAsync("CN");
        Assert.Equal(first.Text, (await CreateAsync("CN")).Text);
        Assert.Equal("InvalidArgsException", (await CreateAsync("other")).Error);
        cloud.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.NotEqual(first.Text, (await CreateAsync("CN")).Text);

        Task<SignedAnswer> CreateAsync(string name) => cloud.CallAsync("acm-pca", "POST", "/", $$$$"""
            {"CertificateAuthorityType":"ROOT","IdempotencyToken":"token",
             "CertificateAuthorityConfiguration":{"KeyAlgorithm":"EC_prime256v1","SigningAlgorithm":"SHA256WITHECDSA","Subject":{"CommonName":"{{{{name}}}}"}}}
            """, "application/x-amz-json-1.1", ("x-amz-target", "ACMPrivateCA.CreateCertificateAuthority"));
    }
}
