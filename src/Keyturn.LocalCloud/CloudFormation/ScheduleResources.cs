using System.Text.Json.Nodes;
using Keyturn.LocalCloud.EventBridge;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>Rules of EventBridge that run on a schedule.</summary>
internal sealed class ScheduleResources(ScheduleService schedules)
{
    private static readonly string[] PutRuleMembers = ["Description", "EventPattern", "ScheduleExpression", "State", "RoleArn"];

    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types => [new("AWS::Events::Rule", Rule)];

    private CreatedResource Rule(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Tags");
        var name = properties.Text("Name") ?? physicalName;
        if (properties.Text("EventBusName") is { } bus && bus != "default")
            throw new StackException($"rule {name}: this cloud has the event bus default only, not {bus}");
        var members = new JsonObject();
        foreach (var member in PutRuleMembers)
        {
            if (properties.Json(member) is { } value)
                members[member] = value;
        }

        lock (schedules.Gate)
        {
            var rule = new EventRuleOperations(schedules).Put(name, members);
            foreach (var target in properties.Json("Targets") as JsonArray ?? [])
            {
                var read = EventRuleOperations.ReadTarget(target as JsonObject ?? throw new StackException($"rule {name}: a target is not an object"));
                rule.Targets[read.Id] = read;
            }

            return new CreatedResource(rule.Name, rule.Arn);
        }
    }
}
