using System.Text.Json;

namespace Keyturn.EndToEnd.Tests;

/// <summary>The end-to-end test to read first: everything real, from the AWS CLI that makes the job to the files on the device.</summary>
public sealed class OneRotation
{
    [Fact]
    public async Task A_job_from_the_AWS_CLI_gives_the_device_a_new_key_and_certificate_and_retires_the_old()
    {
        await using var fleet = await LocalFleet.StartAsync();
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

    [Fact]
    public async Task Every_command_of_the_walk_in_the_README_answers()
    {
        await using var fleet = await LocalFleet.StartAsync();
        await fleet.AddDeviceAsync("gateway-01");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        var things = await fleet.Aws.JsonAsync("iot", "list-things");
        Assert.Equal("gateway-01", Assert.Single(things.GetProperty("things").EnumerateArray()).GetProperty("thingName").GetString());
        var endpoint = await fleet.Aws.JsonAsync("iot", "describe-endpoint", "--endpoint-type", "iot:Data-ATS");
        Assert.Equal($"localhost:{fleet.Cloud.MqttPort}", endpoint.GetProperty("endpointAddress").GetString());
        var executions = await fleet.Aws.JsonAsync("iot", "list-job-executions-for-job", "--job-id", "rotate-1");
        Assert.Equal("SUCCEEDED", Assert.Single(executions.GetProperty("executionSummaries").EnumerateArray())
            .GetProperty("jobExecutionSummary").GetProperty("status").GetString());
    }

    private static async Task OnlyActiveCertificateAsync(LocalFleet fleet, string thing, string newId, string oldId)
    {
        ShellResult gone;
        var attempts = 0;
        do
        {
            gone = await fleet.Aws.RunAsync("iot", "describe-certificate", "--certificate-id", oldId);
        }
        while (gone.ExitCode == 0 && ++attempts < 30);

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
