namespace Keyturn.EndToEnd.Tests;

public sealed class Refusals
{
    [Fact]
    public async Task A_certificate_that_nobody_knows_fails_the_job_with_the_reason_and_one_notification()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");
        var before = device.ReadCertificateId();
        var stranger = await fleet.Aws.JsonAsync(
            "iot", "create-keys-and-certificate", "--set-as-active",
            "--certificate-pem-outfile", fleet.DirectoryOf("stranger.crt"), "--private-key-outfile", fleet.DirectoryOf("stranger.key"));
        await fleet.Aws.JsonAsync(
            "iot", "attach-thing-principal", "--thing-name", "gateway-01", "--principal", stranger.GetProperty("certificateArn").GetString()!);

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        var execution = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        Assert.Equal("FAILED", execution.GetProperty("status").GetString());
        var details = execution.GetProperty("statusDetails").GetProperty("detailsMap");
        var reason = details.GetProperty("reason").GetString()!;
        Assert.Contains("certificate", reason, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(before, device.ReadCertificateId());

        var message = await OneNotificationAsync(fleet);
        Assert.Contains("gateway-01", message, StringComparison.Ordinal);
        Assert.Contains("rotate-1", message, StringComparison.Ordinal);
        Assert.Contains(stranger.GetProperty("certificateId").GetString()!, message, StringComparison.Ordinal);
    }

    private static async Task<string> OneNotificationAsync(LocalFleet fleet)
    {
        await LocalFleet.EventuallyAsync(fleet.NotificationsAsync, notifications => notifications.GetArrayLength() > 0);
        // Events may come twice: give a second message the time to show itself.
        await Task.Delay(2000, TestContext.Current.CancellationToken);
        return Assert.Single((await fleet.NotificationsAsync()).EnumerateArray()).GetProperty("message").GetString()!;
    }
}
