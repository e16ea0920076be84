using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>All keys with all signatures that suit them, one rotation after the other on one device.</summary>
public sealed class EveryAlgorithm
{
    private const string Create = "awslabs/things/gateway-01/certificate/create";

    private static readonly (string Key, string Signing)[] Pairs =
    [
        .. from key in (string[])["RSA-2048", "RSA-3072"]
           from signing in (string[])["SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA", "SHA256WITHRSAANDMGF1", "SHA384WITHRSAANDMGF1", "SHA512WITHRSAANDMGF1"]
           select (key, signing),
        .. from key in (string[])["ECDSA-P256", "ECDSA-P384", "ECDSA-P521"]
           from signing in (string[])["ECDSA-WITH-SHA256", "ECDSA-WITH-SHA384", "ECDSA-WITH-SHA512"]
           select (key, signing),
    ];

    [Fact]
    public async Task The_new_certificate_is_for_such_a_key_and_its_request_was_signed_so()
    {
        await using var fleet = await LocalFleet.StartAsync();
        await using var listener = await CloudClient.ConnectAsync(fleet, "listener", Create);
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");

        for (var n = 1; n <= Pairs.Length; n++)
        {
            var (key, signing) = Pairs[n - 1];
            var end = await fleet.ConfigureAsync(device, new JsonObject { ["keyAlgorithm"] = key, ["signingAlgorithm"] = signing });
            Assert.Equal(new DeploymentEnd("SUCCEEDED", ""), end);
            await LocalFleet.RotatorSaysAsync(device, $"Configured: {key} keys, requests signed with {signing},");
            await fleet.CreateRotationJobAsync($"rotate-{n}", "gateway-01");
            await LocalFleet.RotatorSaysAsync(device, "Committed -> Idle", times: n);

            Assert.Equal(key, KeyOnDisk(device));
            Assert.Equal(signing, await SignatureOfRequestAsync(fleet, RequestOf(listener, $"rotate-{n}")));
        }

        Assert.Equal(21, Pairs.Length);
        var executions = await fleet.Aws.JsonAsync("iot", "list-job-executions-for-thing", "--thing-name", "gateway-01");
        Assert.Equal(
            Enumerable.Repeat("SUCCEEDED", Pairs.Length),
            executions.GetProperty("executionSummaries").EnumerateArray().Select(e => e.GetProperty("jobExecutionSummary").GetProperty("status").GetString()));
    }

    private static string KeyOnDisk(DemoDevice device)
    {
        using var credential = device.ReadCredential();
        using var rsa = credential.GetRSAPrivateKey();
        using var ec = credential.GetECDsaPrivateKey();
        return rsa is not null ? $"RSA-{rsa.KeySize}" : $"ECDSA-P{ec!.KeySize}";
    }

    /// <summary>The CSR as the cloud got it.</summary>
    private static string RequestOf(CloudClient listener, string job)
    {
        var requests = listener.Heard.Where(m => m.Topic == Create).Select(m => JsonDocument.Parse(m.Payload).RootElement)
            .Where(m => m.TryGetProperty("jobId", out var id) && id.GetString() == job);
        return requests.First().GetProperty("csr").GetString()!;
    }

    /// <summary>By openssl's word, which checks the signature as well.</summary>
    private static async Task<string> SignatureOfRequestAsync(LocalFleet fleet, string csr)
    {
        var file = fleet.DirectoryOf("request.pem");
        await File.WriteAllTextAsync(file, csr, TestContext.Current.CancellationToken);
        var shown = await Shell.RunAsync("openssl", ["req", "-in", file, "-noout", "-verify", "-text"]);
        Assert.True(shown.ExitCode == 0 && (shown.Output + shown.Error).Contains("verify OK", StringComparison.Ordinal), shown.Error);
        string Value(string label) => shown.Output.Split('\n').Last(l => l.Contains(label, StringComparison.Ordinal)).Split(label)[1].Trim().ToLowerInvariant();
        var algorithm = Value("Signature Algorithm:");
        if (algorithm != "rsassapss")
            return algorithm.Contains("ecdsa", StringComparison.Ordinal) ? algorithm.ToUpperInvariant() : algorithm.Split("withrsa")[0].ToUpperInvariant() + "WITHRSA";
        var bits = int.Parse(Value("Hash Algorithm:")[^3..], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal($"mgf1 with sha{bits}", Value("Mask Algorithm:"));
        // The salt is as long as the hash.
        Assert.Equal(bits / 8, Convert.ToInt32(Value("Salt Length:").Split(' ')[0], 16));
        return $"SHA{bits}WITHRSAANDMGF1";
    }
}
