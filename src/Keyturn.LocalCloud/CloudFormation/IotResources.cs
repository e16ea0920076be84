using System.Text.Json.Nodes;
using TopicRules = Keyturn.LocalCloud.Rules.TopicRules;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>Topic rules and job templates. Their properties are the API's members with a capital first letter.</summary>
/// <param name="createJobTemplate">(id, members of CreateJobTemplate) → ARN.</param>
internal sealed class IotResources(TopicRules rules, Func<string, JsonObject, string> createJobTemplate)
{
    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types =>
    [
        new("AWS::IoT::TopicRule", TopicRule),
        new("AWS::IoT::JobTemplate", JobTemplate),
    ];

    private CreatedResource TopicRule(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Tags");
        var name = properties.Text("RuleName") ?? physicalName.Replace('-', '_');
        var payload = properties.Json("TopicRulePayload") ?? throw new StackException($"rule {name} has no TopicRulePayload");
        return new CreatedResource(name, rules.Create(name, Lower(payload) as JsonObject ?? []));
    }

    private CreatedResource JobTemplate(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Tags");
        var id = properties.Text("JobTemplateId") ?? physicalName;
        var members = properties.TakeAll();
        members.Remove("Tags");
        members.Remove("JobTemplateId");
        return new CreatedResource(id, createJobTemplate(id, (JsonObject)Lower(members)!));
    }

    private static JsonNode? Lower(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(Name(m.Key), Lower(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Lower)]),
        _ => node?.DeepClone(),
    };

    /// <summary>The one name that CloudFormation spells differently from the API.</summary>
    private static string Name(string property) => property == "ExponentialRolloutRate"
        ? "exponentialRate"
        : char.ToLowerInvariant(property[0]) + property[1..];
}
