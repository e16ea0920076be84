using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Cloud;

/// <summary>A deployment as the cloud sends it, in a job's document or in the thing's shadow.</summary>
/// <param name="ConfigurationArn">Names the revision of its target: <c>arn:…:configuration:thinggroup/NAME:REVISION</c>.</param>
internal sealed record FleetDeployment(
    string Id, string ConfigurationArn, IReadOnlyList<FleetComponent> Components, bool RollsBack, bool Notifies, TimeSpan? NoticeTime, TimeSpan? ValidationTime)
{
    /// <summary>Whom it is for, a thing or a group: <c>thinggroup/NAME</c>.</summary>
    public string Target
    {
        get
        {
            var parts = ConfigurationArn.Split(':');
            return parts.Length >= 3 ? string.Join(':', parts[6..^1]) : "";
        }
    }

    /// <exception cref="InvalidDataException">It is no deployment.</exception>
    public static FleetDeployment Parse(JsonNode? json)
    {
        try
        {
            var document = json!.AsObject();
            var arn = document["configurationArn"]!.GetValue<string>();
            if (arn.Split(':').Length < 8)
                throw new InvalidDataException($"{arn} is not the ARN of a configuration");
            return new(
                document["deploymentId"]?.GetValue<string>() ?? arn, arn,
                [.. (document["components"]?.AsObject() ?? []).Select(c => Component(c.Key, c.Value!.AsObject()))],
                document["failureHandlingPolicy"]?.GetValue<string>() == "ROLLBACK",
                document["componentUpdatePolicy"]?["action"]?.GetValue<string>() != "SKIP_NOTIFY_COMPONENTS",
                Seconds(document["componentUpdatePolicy"]?["timeout"]), Seconds(document["configurationValidationPolicy"]?["timeout"]));
        }
        catch (Exception problem) when (problem is NullReferenceException or InvalidOperationException or FormatException or JsonException)
        {
            throw new InvalidDataException($"the deployment's document can't be read: {problem.Message}", problem);
        }
    }

    private static FleetComponent Component(string name, JsonObject json) => new(
        name, json["version"]!.GetValue<string>(), json["configurationUpdate"]?["merge"] as JsonObject,
        [.. (json["configurationUpdate"]?["reset"]?.AsArray() ?? []).Select(p => p!.GetValue<string>())]);

    private static TimeSpan? Seconds(JsonNode? value) => value is null ? null : TimeSpan.FromSeconds(value.GetValue<int>());
}

internal sealed record FleetComponent(string Name, string Version, JsonObject? Merge, IReadOnlyList<string> Reset);
