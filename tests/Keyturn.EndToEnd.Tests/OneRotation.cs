using System.Text.Json;

namespace Keyturn.EndToEnd.Tests;

/// <summary>The end-to-end test to read first: everything real, from the AWS CLI that makes the job to the files on the device.</summary>
public sealed class OneRotation
{
    [Fact]
    public async Task A_job_from_the_AWS_CLI_gives_the_device_a_new_key_and_certificate_and_retires_the_old()
    {
        // AWS has servers with an RSA certificate and with an elliptic one. The other tests meet that.
        await using var fleet = await LocalFleet.StartAsync("--server-key", "rsa2048");
        var device = await fleet.AddDeviceAsync("gateway-01");
        var oldId = device.ReadCertificateId();
        var oldKey = await File.ReadAllTextAsync(KeyFile(device.Root), TestContext.Current.CancellationToken);

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        var execution = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        Assert.Equal("SUCCEEDED", execution.GetProperty("status").GetString());
        Assert.Equal("true", execution.GetProperty("statusDetails").GetProperty("detailsMap").GetProperty("CertificateRotator").GetString());
        var newId = device.ReadCertificateId();
        Assert.NotEqual(oldId, newId);
        Assert.NotEqual(oldKey, await File.ReadAllTextAsync(KeyFile(device.Root), TestContext.Current.CancellationToken));
        using (var credential = device.ReadCredential())
            Assert.True(credential.HasPrivateKey);
        await OnlyActiveCertificateAsync(fleet, "gateway-01", newId, oldId);
        Assert.Equal(0, (await fleet.NotificationsAsync()).GetArrayLength());
    }

    /// <summary>
    /// The fewest that keep the invariants. AWS limits these per second, so they decide how many devices rotate in an hour; the
    /// reference makes 16. Refused retries of the deletion, while the detachment takes effect, don't count.
    /// </summary>
    [Fact]
    public async Task A_good_rotation_costs_at_most_ten_calls_of_the_control_plane_and_of_Jobs()
    {
        // An event that comes twice, as some do, is looked at twice.
        await using var fleet = await LocalFleet.StartAsync("--faults", "none");
        await fleet.AddDeviceAsync("gateway-01");
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        // The device attests when it starts; that is not the rotation's.
        await CallsOnceAsync(http, "iot-data:Publish");
        (await http.DeleteAsync("/calls", TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");

        // A refused deletion is repeated until the detachment has taken effect.
        var calls = await CallsOnceAsync(http, "iot:DeleteCertificate");

        // This test's own.
        calls.Remove("iot:CreateJob");
        Assert.Equal(1, calls["iot:CreateCertificateFromCsr"]);
        calls["iot:DeleteCertificate"] = Math.Min(calls["iot:DeleteCertificate"], 1);
        var counted = calls.Where(call => call.Key.StartsWith("iot:", StringComparison.Ordinal) || call.Key.StartsWith("iot-jobs-data:", StringComparison.Ordinal));
        var sum = counted.Sum(call => call.Value);
        Assert.True(sum is >= 5 and <= 10, $"{sum} calls: {JsonSerializer.Serialize(calls)}");
    }

    /// <summary>The counts a moment after this call was first seen.</summary>
    private static async Task<Dictionary<string, int>> CallsOnceAsync(HttpClient http, string call)
    {
        for (var attempt = 0; attempt < 120; attempt++)
        {
            if ((await CallsAsync()).ContainsKey(call))
            {
                await Task.Delay(1500, TestContext.Current.CancellationToken);
                return await CallsAsync();
            }

            await Task.Delay(250, TestContext.Current.CancellationToken);
        }

        throw new TimeoutException($"{call} was never made");

        async Task<Dictionary<string, int>> CallsAsync() =>
            JsonSerializer.Deserialize<Dictionary<string, int>>(await http.GetStringAsync("/calls", TestContext.Current.CancellationToken))!;
    }

    [Fact]
    public async Task Every_command_of_the_walk_in_the_README_answers()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("pump1");
        await fleet.CreateRotationJobAsync("rotate-pump1", "pump1");
        await fleet.ExecutionEndAsync("rotate-pump1", "pump1");
        var aws = AwsCli.Started(fleet.Cloud.Api);

        Assert.Equal("pump1", await TextAsync("iot", "list-things", "--query", "things[].thingName"));
        Assert.Equal($"localhost:{fleet.Cloud.MqttPort}", await TextAsync("iot", "describe-endpoint", "--endpoint-type", "iot:Data-ATS"));
        Assert.EndsWith($"cert/{device.ReadCertificateId()}", await TextAsync("iot", "list-thing-principals", "--thing-name", "pump1"), StringComparison.Ordinal);
        Assert.Equal("SUCCEEDED", await TextAsync(
            "iot", "list-job-executions-for-job", "--job-id", "rotate-pump1", "--query", "executionSummaries[].jobExecutionSummary.status"));
        Assert.Equal("pump1", await TextAsync("iot", "list-things-in-thing-group", "--thing-group-name", "e2e", "--query", "things[]"));

        async Task<string> TextAsync(params string[] arguments)
        {
            var result = await aws.RunAsync([.. arguments, "--output", "text"]);
            Assert.True(result.ExitCode == 0, result.Error);
            return result.Output.Trim();
        }
    }

    private static async Task OnlyActiveCertificateAsync(LocalFleet fleet, string thing, string newId, string oldId)
    {
        var gone = await LocalFleet.EventuallyAsync(
            () => fleet.Aws.RunAsync("iot", "describe-certificate", "--certificate-id", oldId), described => described.ExitCode != 0);
        Assert.Contains("ResourceNotFoundException", gone.Error);
        var principals = await fleet.Aws.JsonAsync("iot", "list-thing-principals", "--thing-name", thing);
        var principal = Assert.Single(principals.GetProperty("principals").EnumerateArray()).GetString();
        Assert.EndsWith(newId, principal, StringComparison.Ordinal);
        var described = await fleet.Aws.JsonAsync("iot", "describe-certificate", "--certificate-id", newId);
        Assert.Equal("ACTIVE", described.GetProperty("certificateDescription").GetProperty("status").GetString());
    }

    private static string KeyFile(string root)
    {
        foreach (var line in File.ReadLines(Path.Combine(root, "config", "config.tlog")))
        {
            using var entry = JsonDocument.Parse(line);
            var path = entry.RootElement.GetProperty("TP").EnumerateArray().Select(part => part.GetString()).ToArray();
            if (path is ["system", "privateKeyPath"])
                return entry.RootElement.GetProperty("V").GetString()!;
        }

        throw new InvalidOperationException("no privateKeyPath in config.tlog");
    }
}
