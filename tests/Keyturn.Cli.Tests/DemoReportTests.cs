using System.Text.Json;
using Keyturn.Cli.Demo;
using Spectre.Console.Testing;

namespace Keyturn.Cli.Tests;

public sealed class DemoReportTests
{
    private static readonly string OldId = new('a', 64);
    private static readonly string NewId = new('b', 64);

    [Fact]
    public void Json_counts_devices_and_names_each()
    {
        var report = new DemoReport([Outcome("gateway-01", null), Outcome("gateway-02", "the device still holds its old certificate")], TimeSpan.FromSeconds(7.25));

        var json = JsonDocument.Parse(report.ToJson().ToJsonString()).RootElement;

        Assert.Equal(2, json.GetProperty("devices").GetInt32());
        Assert.Equal(1, json.GetProperty("rotated").GetInt32());
        Assert.Equal(1, json.GetProperty("failed").GetInt32());
        Assert.Equal(7.2, json.GetProperty("seconds").GetDouble());
        var first = json.GetProperty("details")[0];
        Assert.Equal("gateway-01", first.GetProperty("thing").GetString());
        Assert.Equal(OldId, first.GetProperty("oldCertificateId").GetString());
        Assert.Equal(NewId, first.GetProperty("newCertificateId").GetString());
        Assert.Equal(JsonValueKind.Null, first.GetProperty("fault").ValueKind);
        Assert.False(json.GetProperty("details")[1].GetProperty("rotated").GetBoolean());
    }

    [Fact]
    public void The_table_says_what_is_wrong_with_a_device_that_did_not_rotate()
    {
        var console = new TestConsole().Width(160);

        new DemoReport([Outcome("gateway-01", "2 active certificates on the thing")], TimeSpan.FromSeconds(1)).PrintTable(console);

        Assert.Contains("2 active certificates on the thing", console.Output);
        Assert.Contains("1 of 1 not rotated", console.Output);
    }

    [Fact]
    public void A_step_lasts_until_the_next_is_seen_and_the_last_until_the_job_is_over()
    {
        var rotation = new WatchedRotation(new DemoDevice("gateway-01", "/greengrass/v2"));
        rotation.See(new JobExecution("IN_PROGRESS", "making a key", null), TimeSpan.FromSeconds(1));
        rotation.See(new JobExecution("IN_PROGRESS", "making a key", null), TimeSpan.FromSeconds(2));
        rotation.See(new JobExecution("IN_PROGRESS", "restarting", null), TimeSpan.FromSeconds(3));
        rotation.See(new JobExecution("SUCCEEDED", "rotated", null), TimeSpan.FromSeconds(5));
        rotation.See(new JobExecution("SUCCEEDED", "rotated", null), TimeSpan.FromSeconds(9));

        Assert.Equal([("queued", 1.0), ("making a key", 2.0), ("restarting", 2.0)], rotation.Durations().Select(step => (step.Step, step.Took.TotalSeconds)));
        Assert.Equal(TimeSpan.FromSeconds(5), rotation.Ended);
    }

    private static DeviceOutcome Outcome(string thing, string? fault)
    {
        var rotation = new WatchedRotation(new DemoDevice(thing, "/greengrass/v2"));
        rotation.See(new JobExecution("IN_PROGRESS", "making a key", null), TimeSpan.FromSeconds(1));
        rotation.See(new JobExecution("SUCCEEDED", "rotated", null), TimeSpan.FromSeconds(2));
        return new DeviceOutcome(rotation, OldId, NewId, "RSA-2048", fault);
    }
}
