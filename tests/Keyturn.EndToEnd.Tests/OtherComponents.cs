using System.Text.Json;
using System.Text.Json.Nodes;
using Greengrass.Ipc;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>Another component of the same device works on jobs of its own, on the same topics and over the same connection.</summary>
public sealed class OtherComponents
{
    private const string Other = "com.example.Reboot", Jobs = "$aws/things/gateway-01/jobs/";

    [Fact]
    public async Task Ask_and_are_answered_on_the_same_topics_and_neither_takes_the_others_for_its_own()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var deployed = await fleet.DeployAsync(device, new() { [Other] = new JsonObject { ["command"] = "echo token $SVCUID; exec sleep 600" } });
        Assert.Equal("SUCCEEDED", deployed.Status);
        await using var other = await GreengrassIpcClient.ConnectAsync(
            new GreengrassIpcOptions { SocketPath = Path.Combine(device.Root, "ipc.socket"), AuthToken = await TokenAsync(device) }, TestContext.Current.CancellationToken);
        await using var answers = await other.SubscribeToIoTCoreAsync(Jobs + "#", QualityOfService.AtMostOnce, TestContext.Current.CancellationToken);

        // Its job is the first in the queue, so that the rotation waits for it.
        await fleet.Aws.JsonAsync(
            "iot", "create-job", "--job-id", "reboot-1", "--targets", "arn:aws:iot:us-east-1:012345678901:thing/gateway-01", "--document", """{"operation":"REBOOT"}""");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        using var asking = new CancellationTokenSource();
        var noise = AskWithoutEndAsync(other, asking.Token);
        await UpdateAsync(other, "IN_PROGRESS");
        await Task.Delay(2000, TestContext.Current.CancellationToken);
        var waiting = await fleet.Aws.JsonAsync("iot", "describe-job-execution", "--job-id", "rotate-1", "--thing-name", "gateway-01");
        await UpdateAsync(other, "SUCCEEDED");
        var rotated = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");
        await asking.CancelAsync();
        await noise;

        Assert.Equal("QUEUED", waiting.GetProperty("execution").GetProperty("status").GetString());
        Assert.Equal("SUCCEEDED", rotated.GetProperty("status").GetString());
        var theirs = (await fleet.Aws.JsonAsync("iot", "describe-job-execution", "--job-id", "reboot-1", "--thing-name", "gateway-01")).GetProperty("execution");
        Assert.Equal("SUCCEEDED", theirs.GetProperty("status").GetString());
        // Two updates, both its own.
        Assert.Equal(3, theirs.GetProperty("versionNumber").GetInt32());
        Assert.Equal("theirs", theirs.GetProperty("statusDetails").GetProperty("detailsMap").GetProperty("by").GetString());
    }

    /// <summary>Until its connection ends with the nucleus that the rotation restarts.</summary>
    private static async Task AskWithoutEndAsync(GreengrassIpcClient other, CancellationToken cancellation)
    {
        try
        {
            for (var n = 0; !cancellation.IsCancellationRequested; n++)
            {
                foreach (var topic in (string[])["$next/get", "rotate-1/get", "reboot-1/get"])
                    await PublishAsync(other, topic, new() { ["clientToken"] = $"theirs-{n}" });
                await Task.Delay(50, cancellation);
            }
        }
        catch (Exception e) when (e is GreengrassIpcException or TimeoutException or OperationCanceledException)
        {
            // The nucleus was restarted.
        }
    }

    private static Task UpdateAsync(GreengrassIpcClient other, string status) => PublishAsync(other, "reboot-1/update", new()
    {
        ["status"] = status, ["statusDetails"] = new JsonObject { ["by"] = "theirs" }, ["clientToken"] = "update-" + status,
    });

    private static Task PublishAsync(GreengrassIpcClient other, string topic, JsonObject message) =>
        other.PublishToIoTCoreAsync(Jobs + topic, JsonSerializer.SerializeToUtf8Bytes(message), QualityOfService.AtMostOnce, TestContext.Current.CancellationToken);

    private static async Task<string> TokenAsync(DemoDevice device)
    {
        var path = Path.Combine(device.Root, "logs", Other + ".log");
        var told = await LocalFleet.EventuallyAsync(
            async () => File.Exists(path) ? (await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)).Split("token ") : [], parts => parts.Length == 2);
        return told is [_, var rest] ? rest.Trim() : throw new TimeoutException($"{Other} never told its token");
    }
}
