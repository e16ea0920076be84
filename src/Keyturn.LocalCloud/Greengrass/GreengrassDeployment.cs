using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>One revision of what a thing or the things of a group are to run.</summary>
/// <param name="Revision">Of its target: 1, 2, …</param>
/// <param name="Components">As asked for: by name, with <c>componentVersion</c> and <c>configurationUpdate</c>.</param>
/// <param name="Policies">With the defaults filled in.</param>
internal sealed record GreengrassDeployment(
    string Id, string TargetArn, string? Name, int Revision, JsonObject Components, JsonObject Policies, JsonObject JobConfiguration, JsonObject Tags,
    DateTimeOffset Created)
{
    /// <summary>The job that brings it to a group's things; a single thing learns of it by its shadow.</summary>
    public string? JobId { get; set; }

    public bool IsCanceled { get; set; }

    /// <summary>The thing's or the group's name.</summary>
    public string Target => TargetArn[(TargetArn.IndexOf('/', StringComparison.Ordinal) + 1)..];

    public bool IsOfGroup => TargetArn.Contains(":thinggroup/", StringComparison.Ordinal);

    /// <summary>What devices know the revision by.</summary>
    public string ConfigurationArn => CloudAccount.Local.Arn("greengrass", $"configuration:{(IsOfGroup ? "thinggroup" : "thing")}/{Target}:{Revision}");

    /// <summary>The deployment as devices get it, in a job's document or in a shadow.</summary>
    public JsonObject Document() => new()
    {
        ["deploymentId"] = Id,
        ["deploymentName"] = Name,
        ["configurationArn"] = ConfigurationArn,
        ["creationTimestamp"] = Created.ToUnixTimeMilliseconds(),
        ["components"] = new JsonObject(Components.Select(c => KeyValuePair.Create(c.Key, (JsonNode?)Component(c.Value!.AsObject())))),
        ["failureHandlingPolicy"] = Policies["failureHandlingPolicy"]!.DeepClone(),
        ["componentUpdatePolicy"] = new JsonObject
        {
            ["timeout"] = Policies["componentUpdatePolicy"]!["timeoutInSeconds"]!.DeepClone(), ["action"] = Policies["componentUpdatePolicy"]!["action"]!.DeepClone(),
        },
        ["configurationValidationPolicy"] = new JsonObject { ["timeout"] = Policies["configurationValidationPolicy"]!["timeoutInSeconds"]!.DeepClone() },
    };

    private static JsonObject Component(JsonObject asked)
    {
        var json = new JsonObject { ["version"] = asked["componentVersion"]!.DeepClone() };
        if (asked["runWith"] is { } user)
            json["runWith"] = user.DeepClone();
        if (asked["configurationUpdate"] is JsonObject update)
        {
            json["configurationUpdate"] = new JsonObject
            {
                ["merge"] = update["merge"] is { } merge ? JsonNode.Parse(merge.GetValue<string>()) : null, ["reset"] = update["reset"]?.DeepClone() ?? new JsonArray(),
            };
        }

        return json;
    }
}
