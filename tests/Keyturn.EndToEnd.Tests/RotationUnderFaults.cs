using System.Text.Json;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// The cloud misbehaves in one way at a time, and each rotation ends well all the same: SUCCEEDED with the new certificate alone, or
/// FAILED with the old one in use and one notification.
/// </summary>
public sealed class RotationUnderFaults
{
    /// <summary>THING stands for the device whose messages are meant.</summary>
    private static readonly string[] Messages =
    [
        "drop topic=awslabs/things/THING/certificate/create times=1",
        "drop topic=awslabs/things/THING/certificate/create/accepted times=1",
        "duplicate topic=awslabs/things/THING/certificate/create by=50ms",
        "delay topic=awslabs/things/THING/certificate/create/accepted by=3s",
        "drop topic=awslabs/things/THING/certificate/commit times=1",
        "drop topic=awslabs/things/THING/certificate/commit/accepted times=1",
        "duplicate topic=awslabs/things/THING/certificate/+/accepted by=50ms",
        "drop topic=$aws/things/THING/jobs/+/update/accepted times=1",
        "duplicate topic=$aws/things/THING/jobs/notify-next by=100ms",
        "reorder topic=$aws/things/THING/# by=500ms",
    ];

    private static readonly string[] Calls =
    [
        "throttle call=iot:CreateCertificateFromCsr",
        "fail call=dynamodb:* nth=2",
        "throttle call=iot-jobs-data:* nth=2",
        "kill function=*CreateCertificate call=iot:CreateCertificateFromCsr",
        "kill function=*CommitCertificate call=dynamodb:*",
    ];

    private static readonly string[] Connections =
    [
        "refuse certificate=new times=2",
        "freeze plane=mqtt for=3s",
        "freeze plane=api for=3s",
        "duplicate topic=$aws/events/# by=50ms",
    ];

    [Fact]
    public async Task A_rotation_ends_well_when_its_messages_are_lost_repeated_late_or_out_of_order()
    {
        await using var fleet = await StartAsync("none");
        var devices = new List<DemoDevice>();
        foreach (var (number, fault) in Messages.Index())
        {
            devices.Add(await fleet.AddDeviceAsync($"gateway-{number:00}"));
            await SetAsync(fleet, fault.Replace("THING", $"gateway-{number:00}", StringComparison.Ordinal));
        }

        var before = devices.ToDictionary(d => d.Thing, d => d.ReadCertificateId());
        await fleet.CreateRotationJobAsync("rotate-1", devices.Select(d => d.Thing));

        foreach (var (device, fault) in devices.Zip(Messages))
            await EndsWellAsync(fleet, device, "rotate-1", before[device.Thing], fault);
        await EveryFaultStruckAsync(fleet);
    }

    [Fact]
    public Task A_rotation_ends_well_when_calls_fail_and_functions_die() => OneByOneAsync(Calls);

    [Fact]
    public Task A_rotation_ends_well_when_connections_are_refused_and_planes_freeze() => OneByOneAsync(Connections);

    private static async Task OneByOneAsync(string[] faults)
    {
        await using var fleet = await StartAsync("none");
        var device = await fleet.AddDeviceAsync("gateway-01");
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        foreach (var (number, fault) in faults.Index())
        {
            var before = device.ReadCertificateId();
            await fleet.CreateRotationJobAsync($"rotate-{number}", await SetAsync(fleet, fault, "gateway-01"));
            await EndsWellAsync(fleet, device, $"rotate-{number}", before, fault);
            await EveryFaultStruckAsync(fleet);
            (await http.DeleteAsync("/faults", TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        }
    }

    [Fact]
    public async Task A_rotation_keeps_within_the_published_quotas()
    {
        await using var fleet = await StartAsync("mild", "--quotas", "default");
        var device = await fleet.AddDeviceAsync("gateway-01");
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        var before = device.ReadCertificateId();
        (await http.DeleteAsync("/calls", TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await EndsWellAsync(fleet, device, "rotate-1", before, "--quotas default", mustSucceed: true);

        var calls = JsonSerializer.Deserialize<Dictionary<string, int>>(await http.GetStringAsync("/calls", TestContext.Current.CancellationToken))!;
        Assert.Equal(1, calls["iot:CreateCertificateFromCsr"]);
        Assert.Equal(1, calls["iot:AttachThingPrincipal"]);
    }

    private static async Task<LocalFleet> StartAsync(string faults, params string[] options)
    {
        var fleet = await LocalFleet.StartAsync(["--faults", faults, "--seed", "1", "--detach-delay", "200", .. options]);
        // What the faults do to functions, and what functions say of it.
        foreach (var expected in (string[])["Runtime.ExitError", "(a fault was asked for)", "failed (attempt", "Rate exceeded", "error: 500", "ThrottlingException"])
            fleet.Expect(expected);
        return fleet;
    }

    private static async Task<string> SetAsync(LocalFleet fleet, string fault, string thing = "")
    {
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        using var body = new StringContent(fault);
        using var answer = await http.PostAsync("/faults", body, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return thing;
    }

    private static async Task EveryFaultStruckAsync(LocalFleet fleet)
    {
        using var http = new HttpClient { BaseAddress = fleet.Cloud.Management };
        var shown = JsonDocument.Parse(await http.GetStringAsync("/faults", TestContext.Current.CancellationToken)).RootElement;
        foreach (var fault in shown.GetProperty("faults").EnumerateArray())
            Assert.True(fault.GetProperty("strikes").GetInt32() > 0, $"'{fault.GetProperty("fault")}' never struck: this test tests nothing");
    }

    private static async Task EndsWellAsync(LocalFleet fleet, DemoDevice device, string job, string before, string fault, bool mustSucceed = false)
    {
        var status = await EndAsync(fleet, job, device.Thing);
        Assert.True(status is "SUCCEEDED" || (status == "FAILED" && !mustSucceed), $"{fault}: {status}");
        var held = device.ReadCertificateId();
        Assert.True(status == "SUCCEEDED" == (held != before), $"{fault}: {status}, and the device holds {(held == before ? "the old" : "a new")} certificate");
        using (var credential = device.ReadCredential())
            Assert.True(credential.HasPrivateKey, fault);

        var principals = await fleet.CertificatesInTheEndAsync(device.Thing);
        Assert.True(principals is [var only] && only == held, $"{fault}: {status}, attached are {string.Join(", ", principals)}, the device holds {held}");
        var described = await fleet.Aws.JsonAsync("iot", "describe-certificate", "--certificate-id", held);
        Assert.Equal("ACTIVE", described.GetProperty("certificateDescription").GetProperty("status").GetString());
        if (status == "FAILED")
            Assert.Single((await fleet.NotificationsAsync()).EnumerateArray(), n => n.GetProperty("message").GetString()!.Contains(job, StringComparison.Ordinal));
    }

    private static async Task<string> EndAsync(LocalFleet fleet, string job, string thing)
    {
        for (var attempt = 0; attempt < 480; attempt++)
        {
            var answer = await fleet.Aws.RunAsync("iot", "describe-job-execution", "--job-id", job, "--thing-name", thing, "--query", "execution.status", "--output", "text");
            if (answer.ExitCode == 0 && answer.Output.Trim() is not ("QUEUED" or "IN_PROGRESS"))
                return answer.Output.Trim();
            await Task.Delay(250, TestContext.Current.CancellationToken);
        }

        throw new TimeoutException($"{thing} has not finished {job}");
    }
}
