using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Lite;

/// <summary>Tells the cloud how the device is, when it starts and once a day, through the MQTT daemon.</summary>
internal static class StatusDaemon
{
    private static readonly TimeSpan Interval = TimeSpan.FromDays(1), Retry = TimeSpan.FromSeconds(2);

    public static async Task RunAsync(LiteSettings settings, ILogger log, TimeProvider time, CancellationToken cancellation)
    {
        var sequence = 0;
        for (var trigger = "NUCLEUS_LAUNCH"; ; trigger = "CADENCE")
        {
            var report = new JsonObject
            {
                ["ggcVersion"] = LiteSettings.Version,
                ["platform"] = "linux",
                ["architecture"] = Recipe.Architecture(),
                ["runtime"] = "aws_nucleus_lite",
                ["thing"] = settings.ThingName,
                ["sequenceNumber"] = ++sequence,
                ["timestamp"] = time.GetUtcNow().ToUnixTimeMilliseconds(),
                ["messageType"] = "COMPLETE",
                ["trigger"] = trigger,
                ["overallDeviceStatus"] = "HEALTHY",
                ["components"] = new JsonArray([.. LiteInstallation.Installed(settings.Root).Select(r => new JsonObject
                {
                    ["componentName"] = r.Name, ["version"] = r.Version, ["state"] = "RUNNING", ["isRoot"] = true,
                })]),
            };
            await SendAsync($"$aws/things/{settings.ThingName}/greengrassv2/health/json", Encoding.UTF8.GetBytes(report.ToJsonString()), time, cancellation).ConfigureAwait(false);
            log.HealthReported(trigger);
            await Task.Delay(Interval, time, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task SendAsync(string topic, byte[] report, TimeProvider time, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await MqttBus.PublishAsync(topic, report, 0, cancellation).ConfigureAwait(false);
                return;
            }
            catch (BusException)
            {
                await Task.Delay(Retry, time, cancellation).ConfigureAwait(false);
            }
        }
    }
}
