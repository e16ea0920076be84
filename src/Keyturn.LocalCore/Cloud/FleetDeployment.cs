using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Cloud;

/// <summary>A deployment as the cloud sends it, in a job's document or in the thing's shadow.</summary>
/// <param name="ConfigurationArn">Names the revision of its target: <c>arn:…:configuration:thinggroup/NAME:REVISION</c>.</param>
internal sealed record FleetDeployment(
    string Id, string ConfigurationArn, IReadOnlyList<FleetComponent> Components, bool RollsBack, bool Notifies, TimeSpan? NoticeTime, TimeSpan? ValidationTime)
{
    /// <summary>Whom it is for, a thing or a group: <c>thinggroup/NAME</c>.</summary>
    public string Target => string.Join(':', ConfigurationArn.Split(':')[6..^1]);

    /// <exception cref="InvalidDataException">It is no deployment.</exception>
    public static FleetDeployment Parse(JsonNode? json)
    {
        try
        {
            var document = Needed(json, "the document").AsObject();
            var arn = Needed(document["configurationArn"], "configurationArn").GetValue<string>();
            if (arn.Split(':').Length < 8)
                throw new InvalidDataException($"{arn} is not the ARN of a configuration");
            return new(
                document["deploymentId"]?.GetValue<string>() ?? arn, arn,
                [.. (document["components"]?.AsObject() ?? []).Select(c => Component(c.Key, Needed(c.Value, c.Key).AsObject()))],
                document["failureHandlingPolicy"]?.GetValue<string>() == "ROLLBACK",
                document["componentUpdatePolicy"]?["action"]?.GetValue<string>() != "SKIP_NOTIFY_COMPONENTS",
                Seconds(document["componentUpdatePolicy"]?["timeout"]), Seconds(document["configurationValidationPolicy"]?["timeout"]));
        }
        catch (Exception problem) when (problem is InvalidOperationException or FormatException or JsonException)
        {
            throw new InvalidDataException($"the deployment's document can't be read: {problem.Message}", problem);
        }
    }

    private static FleetComponent Component(string name, JsonObject json) => new(
        name, Needed(json["version"], $"the version of {name}").GetValue<string>(), json["configurationUpdate"]?["merge"] as JsonObject,
        [.. (json["configurationUpdate"]?["reset"]?.AsArray() ?? []).Select(p => Needed(p, "a path to reset").GetValue<string>())]);

    private static JsonNode Needed(JsonNode? value, string what) => value ?? throw new InvalidDataException($"{what} is missing");

    private static TimeSpan? Seconds(JsonNode? value) => value is null ? null : TimeSpan.FromSeconds(value.GetValue<int>());
}

internal sealed record FleetComponent(string Name, string Version, JsonObject? Merge, IReadOnlyList<string> Reset);
