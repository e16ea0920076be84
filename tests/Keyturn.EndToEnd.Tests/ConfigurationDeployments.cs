using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>Deployments that change the component's configuration: judged before anything changes, and in force from the next rotation on.</summary>
public sealed class ConfigurationDeployments
{
    /// <summary>A merge, and what the refusal names.</summary>
    public static readonly (string Merge, string Named)[] Invalid =
    [
        ("""{"keyAlgorithm":null}""", "keyAlgorithm is missing"),
        ("""{"keyAlgorithm":""}""", "keyAlgorithm is missing"),
        ("""{"keyAlgorithm":2048}""", "keyAlgorithm is missing or not a string"),
        ("""{"keyAlgorithm":true}""", "keyAlgorithm is missing or not a string"),
        ("""{"keyAlgorithm":["RSA-2048"]}""", "keyAlgorithm is missing or not a string"),
        ("""{"keyAlgorithm":"rsa-2048"}""", "keyAlgorithm 'rsa-2048' is none of"),
        ("""{"keyAlgorithm":" RSA-2048"}""", "keyAlgorithm ' RSA-2048' is none of"),
        ("""{"keyAlgorithm":"RSA-1024"}""", "keyAlgorithm 'RSA-1024' is none of"),
        ("""{"keyAlgorithm":"RSA-4096"}""", "keyAlgorithm 'RSA-4096' is none of"),
        ("""{"keyAlgorithm":"ECDSA-P224","signingAlgorithm":"ECDSA-WITH-SHA256"}""", "keyAlgorithm 'ECDSA-P224' is none of"),
        ("""{"keyAlgorithm":"ED25519","signingAlgorithm":"ECDSA-WITH-SHA256"}""", "keyAlgorithm 'ED25519' is none of"),
        ("""{"signingAlgorithm":null}""", "signingAlgorithm is missing"),
        ("""{"signingAlgorithm":""}""", "signingAlgorithm is missing"),
        ("""{"signingAlgorithm":256}""", "signingAlgorithm is missing or not a string"),
        ("""{"signingAlgorithm":{"a":"SHA256WITHRSA"}}""", "signingAlgorithm is missing or not a string"),
        ("""{"signingAlgorithm":"sha256withrsa"}""", "signingAlgorithm 'sha256withrsa' is none of"),
        ("""{"signingAlgorithm":"SHA1WITHRSA"}""", "signingAlgorithm 'SHA1WITHRSA' is none of"),
        ("""{"signingAlgorithm":"SHA256WITHECDSA"}""", "signingAlgorithm 'SHA256WITHECDSA' is none of"),
        ("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"ECDSA-WITH-SHA256"}""", "one family"),
        ("""{"keyAlgorithm":"RSA-3072","signingAlgorithm":"ECDSA-WITH-SHA512"}""", "one family"),
        ("""{"keyAlgorithm":"ECDSA-P256","signingAlgorithm":"SHA256WITHRSA"}""", "one family"),
        ("""{"keyAlgorithm":"ECDSA-P384","signingAlgorithm":"SHA384WITHRSAANDMGF1"}""", "one family"),
        ("""{"keyAlgorithm":"ECDSA-P521","signingAlgorithm":"SHA512WITHRSA"}""", "one family"),
        ("""{"keyAlgorithm":"ECDSA-P256"}""", "one family"),
        ("""{"preflight":"maybe"}""", "preflight 'maybe' is none of auto, on, off"),
        ("""{"preflight":1}""", "preflight '1' is none of auto, on, off"),
        ("""{"timeLimits":"short"}""", "timeLimits is not a map"),
        ("""{"timeLimits":{"preflightSeconds":5}}""", "timeLimits.preflightSeconds '5'"),
        ("""{"timeLimits":{"deferDeploymentSeconds":3600}}""", "timeLimits.deferDeploymentSeconds '3600'"),
    ];

    [Fact]
    public async Task What_can_not_be_used_fails_the_deployment_with_the_reason_and_changes_nothing()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var before = await ConfigurationAsync(device);

        foreach (var (merge, named) in Invalid)
        {
            var end = await fleet.ConfigureAsync(device, JsonNode.Parse(merge)!.AsObject());
            Assert.True(end is { Status: "FAILED_NO_STATE_CHANGE" } && end.Message.Contains(named, StringComparison.Ordinal), $"{merge}: {end}");
        }

        Assert.True(Invalid.Length >= 26);
        Assert.Equal(before, await ConfigurationAsync(device));
        // The one that was there is the one in force.
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
        using var credential = device.ReadCredential();
        Assert.Equal("1.2.840.113549.1.1.1", credential.PublicKey.Oid.Value);
    }

    [Fact]
    public async Task EC_is_refused_while_SecretManager_is_installed_and_taken_when_it_has_gone()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var elliptic = new JsonObject { ["keyAlgorithm"] = "ECDSA-P256", ["signingAlgorithm"] = "ECDSA-WITH-SHA256" };
        const string SecretManager = "aws.greengrass.SecretManager";
        Assert.Equal("SUCCEEDED", (await fleet.DeployAsync(device, new() { [SecretManager] = new JsonObject { ["command"] = "exec sleep 600" } })).Status);

        var refused = await fleet.ConfigureAsync(device, (JsonObject)elliptic.DeepClone());
        var removed = await fleet.DeployAsync(device, [], remove: SecretManager);
        var taken = await fleet.ConfigureAsync(device, elliptic);

        Assert.Equal("FAILED_NO_STATE_CHANGE", refused.Status);
        Assert.Contains("SecretManager is installed", refused.Message, StringComparison.Ordinal);
        Assert.Equal(("SUCCEEDED", "SUCCEEDED"), (removed.Status, taken.Status));
    }

    [Fact]
    public async Task Without_a_pre_flight_the_trial_after_the_switch_still_decides()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");

        var end = await fleet.ConfigureAsync(device, new JsonObject { ["preflight"] = "off" });
        await LocalFleet.RotatorSaysAsync(device, "pre-flight Off");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        var execution = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        Assert.Equal(("SUCCEEDED", "SUCCEEDED"), (end.Status, execution.GetProperty("status").GetString()));
        Assert.Contains("not tried beforehand", execution.GetProperty("statusDetails").GetProperty("detailsMap").GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("on a connection of its own:", await LocalFleet.RotatorLogAsync(device), StringComparison.Ordinal);
    }

    private static async Task<string> ConfigurationAsync(DemoDevice device) => string.Join('\n',
        (await File.ReadAllLinesAsync(Path.Combine(device.Root, "config", "config.tlog"), TestContext.Current.CancellationToken))
            .Where(l => l.Contains(LocalFleet.Rotator, StringComparison.Ordinal)));
}
