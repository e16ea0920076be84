using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests.Deploying;

/// <summary>An operator who lacks something hears what it is before anything is changed.</summary>
public sealed class WhatIsRefused
{
    private const string Role = "GreengrassV2TokenExchangeRole";

    [Fact]
    public async Task Is_named_with_what_to_do_and_nothing_is_changed()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var somebody = await Operator.AtWorkAsync(fleet);
        var everything = somebody.Credentials;
        var device = await fleet.ProvisionAsync("gateway-01");

        await Operator.RefusedAsync(somebody.DeployAsync("2.0.0", group: "nowhere"), "no thing group nowhere");
        await Operator.RefusedAsync(somebody.DeployAsync("2.0.0"), "2.0.0 is not published", "keyturn component publish");
        await Operator.RefusedAsync(somebody.PublishAsync("2.0.0", bucket: "nowhere-at-all"), "nowhere-at-all", "NoSuchBucket");
        await Operator.RefusedAsync(somebody.PublishAsync("2"), "--version 2 is no version");
        somebody.Credentials = new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = "", ["AWS_SECRET_ACCESS_KEY"] = "", ["HOME"] = fleet.DirectoryOf("nobody") };
        await Operator.RefusedAsync(somebody.PublishAsync("2.0.0"), "AWS was not called", "AWS_PROFILE");
        somebody.Credentials = new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = "another" };
        await Operator.RefusedAsync(somebody.PublishAsync("2.0.0"), "does not know these credentials");

        // Credentials of a role that may do little are had by a device's certificate.
        somebody.Credentials = await OfTheRoleAsync(fleet, device);
        await Operator.RefusedAsync(somebody.PublishAsync("2.0.0"), "may not do greengrass:ListComponents");
        await AllowAsync("greengrass:ListComponents");
        await Operator.RefusedAsync(somebody.PublishAsync("2.0.0"), $"may not do s3:PutObject on arn:aws:s3:::{Operator.Bucket}/{LocalFleet.Rotator}/2.0.0/");
        await AllowAsync("greengrass:ListComponents", "s3:PutObject");
        var halfway = await somebody.PublishAsync("2.0.0");
        Assert.Equal(1, halfway.ExitCode);
        Assert.Contains("may not do greengrass:CreateComponentVersion", halfway.Error, StringComparison.Ordinal);
        Assert.Contains("no version was published", halfway.Error, StringComparison.Ordinal);

        somebody.Credentials = everything;
        await Operator.DoneAsync(somebody.PublishAsync("2.0.0"));
        await Operator.RefusedAsync(somebody.PublishAsync("2.0.0"), "2.0.0 is published already", "--version");
        somebody.Credentials = await OfTheRoleAsync(fleet, device);
        await AllowAsync("greengrass:List*", "iot:DescribeThingGroup");
        await Operator.RefusedAsync(somebody.DeployAsync("2.0.0"), "may not do greengrass:CreateDeployment");
        Assert.Equal(0, (await fleet.Aws.JsonAsync("greengrassv2", "list-deployments")).GetProperty("deployments").GetArrayLength());

        async Task AllowAsync(params string[] actions) => await fleet.Aws.JsonAsync(
            "iam", "put-role-policy", "--role-name", Role, "--policy-name", "Test", "--policy-document",
            new JsonObject
            {
                ["Version"] = "2012-10-17",
                ["Statement"] = new JsonObject { ["Effect"] = "Allow", ["Resource"] = "*", ["Action"] = new JsonArray([.. actions.Select(a => JsonValue.Create(a))]) },
            }.ToJsonString());
    }

    [Fact]
    public async Task A_platform_that_is_none_is_no_build()
    {
        var result = await Shell.RunAsync(Tools.Keyturn, ["component", "build", "--platform", "linux-mips"]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("'linux-mips' is no target", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("Nothing was built", result.Error, StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyDictionary<string, string>> OfTheRoleAsync(LocalFleet fleet, DemoDevice device)
    {
        var credential = X509Certificate2.CreateFromPemFile(Path.Combine(device.Root, "thingCert.crt"), Path.Combine(device.Root, "privKey.key"));
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(fleet.Cloud.RootCa());
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { ClientCertificates = [credential], CertificateChainPolicy = policy } });
        var endpoint = (await fleet.Aws.JsonAsync("iot", "describe-endpoint", "--endpoint-type", "iot:CredentialProvider")).GetProperty("endpointAddress").GetString();
        var answer = await http.GetStringAsync($"https://{endpoint}/role-aliases/{Role}Alias/credentials", TestContext.Current.CancellationToken);
        var credentials = JsonNode.Parse(answer)!["credentials"]!;
        return new Dictionary<string, string>
        {
            ["AWS_ACCESS_KEY_ID"] = (string)credentials["accessKeyId"]!, ["AWS_SECRET_ACCESS_KEY"] = (string)credentials["secretAccessKey"]!,
            ["AWS_SESSION_TOKEN"] = (string)credentials["sessionToken"]!,
        };
    }
}
