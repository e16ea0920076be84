using System.Text.Json.Nodes;
using Keyturn.LocalCloud.EventBridge;
using Keyturn.LocalCloud.Iam;

namespace Keyturn.LocalCloud.Management;

/// <summary>What the management port tells of a stack: its schedules, and which of its permissions were used.</summary>
internal sealed class StackState(ScheduleService schedules, RoleStore roles)
{
    public JsonObject Permissions() =>
        new(roles.All.Select(r => KeyValuePair.Create(r.Name, (JsonNode?)r.Use.Show(r.AllowedActions))));

    public JsonArray Schedules()
    {
        lock (schedules.Gate)
        {
            return [.. schedules.Rules.Values.Select(r => (JsonNode)new JsonObject
            {
                ["name"] = r.Name,
                ["schedule"] = r.Expression,
                ["enabled"] = r.IsEnabled,
                ["due"] = r.IsEnabled ? r.Due?.UtcDateTime.ToString("O") : null,
                ["targets"] = new JsonArray([.. r.Targets.Values.Select(t => (JsonNode)t.Arn)]),
            })];
        }
    }

    /// <summary>Runs a rule without waiting for its hour.</summary>
    /// <returns>How many targets got the event; null when there is no such rule.</returns>
    public int? Fire(string name) => schedules.Fire(name);
}
