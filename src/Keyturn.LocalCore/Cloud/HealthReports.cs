using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Mqtt;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Cloud;

/// <summary>What a core says of itself on <c>$aws/things/T/greengrassv2/health/json</c>.</summary>
internal sealed class HealthReports(NucleusSettings settings, ConfigurationStore store, RunningComponents components, RootComponents roots, MqttProxy mqtt, TimeProvider time)
{
    private long sequence;

    public void Send(string trigger)
    {
        var running = components.All;
        var report = new JsonObject
        {
            ["ggcVersion"] = NucleusSettings.Version,
            ["platform"] = "linux",
            ["architecture"] = Recipe.Architecture(),
            ["runtime"] = Recipe.Runtime,
            ["thing"] = settings.ThingName,
            ["sequenceNumber"] = ++sequence,
            ["timestamp"] = time.GetUtcNow().ToUnixTimeMilliseconds(),
            ["messageType"] = "COMPLETE",
            ["trigger"] = trigger,
            ["overallDeviceStatus"] = running.Any(c => c.State is ComponentState.Broken or ComponentState.Errored) ? "UNHEALTHY" : "HEALTHY",
            ["components"] = new JsonArray(
            [
                Component(NucleusSettings.Component, NucleusSettings.Version, "FINISHED"),
                .. running.Select(c => Component(c.Name, store.ReadString("services", c.Name, "version") ?? "", c.State.ToString().ToUpperInvariant())),
            ]),
        };
        try
        {
            mqtt.Publish($"$aws/things/{settings.ThingName}/greengrassv2/health/json", Encoding.UTF8.GetBytes(report.ToJsonString()), MqttQualityOfServiceLevel.AtLeastOnce);
        }
        catch (MqttRequestException)
        {
            // The spool is full: the next report says it all.
        }
    }

    private JsonObject Component(string name, string version, string state) => new()
    {
        ["componentName"] = name, ["version"] = version, ["state"] = state, ["isRoot"] = roots.Contains(name),
    };
}
