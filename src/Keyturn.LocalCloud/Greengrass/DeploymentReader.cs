using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Jobs;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>The parts of a CreateDeployment request, held to the API model, with AWS's defaults.</summary>
internal static class DeploymentReader
{
    private const string Service = "greengrass";
    private static readonly MemberRule Failure = new(values: ["ROLLBACK", "DO_NOTHING"]);
    private static readonly MemberRule Notice = new(values: ["NOTIFY_COMPONENTS", "SKIP_NOTIFY_COMPONENTS"]);
    private static readonly MemberRule Merge = new(1, 10 * 1024 * 1024);
    private static readonly string[] JobMembers = ["jobExecutionsRolloutConfig", "abortConfig", "timeoutConfig"];

    public static JsonObject Components(ApiRequest request)
    {
        var components = request.Object("components") ?? [];
        foreach (var (name, value) in components)
        {
            var component = value as JsonObject ?? throw RequestBody.Malformed(Service, $"The component {name} is not a structure.");
            if (SemanticVersion.TryParse(component.Text(Service, "componentVersion") ?? throw RequestMembers.Missing("componentVersion")) is null)
                throw GreengrassErrors.Invalid($"The componentVersion of {name} is not a semantic version.");
            component.Object(Service, "runWith");
            if (component.Object(Service, "configurationUpdate") is not { } update)
                continue;
            update.Texts(Service, "reset");
            if (update.Text(Service, "merge", Merge) is { } merge && !IsObject(merge))
                throw GreengrassErrors.Invalid($"The merge of {name} is not a JSON object.");
        }

        return (JsonObject)components.DeepClone();
    }

    public static JsonObject Policies(ApiRequest request)
    {
        var policies = request.Object("deploymentPolicies") ?? [];
        var notice = policies.Object(Service, "componentUpdatePolicy") ?? [];
        var validation = policies.Object(Service, "configurationValidationPolicy") ?? [];
        return new JsonObject
        {
            ["failureHandlingPolicy"] = policies.Text(Service, "failureHandlingPolicy", Failure) ?? "ROLLBACK",
            ["componentUpdatePolicy"] = new JsonObject
            {
                ["timeoutInSeconds"] = Seconds(notice), ["action"] = notice.Text(Service, "action", Notice) ?? "NOTIFY_COMPONENTS",
            },
            ["configurationValidationPolicy"] = new JsonObject { ["timeoutInSeconds"] = Seconds(validation) },
        };
    }

    public static JsonObject JobConfiguration(ApiRequest request, DateTimeOffset now)
    {
        var settings = request.Object("iotJobConfiguration") ?? [];
        if (settings.FirstOrDefault(s => !JobMembers.Contains(s.Key)) is { Key: { } other })
            throw GreengrassErrors.Invalid($"iotJobConfiguration has no member {other}.");
        // A deployment to a single thing makes no job, and is held to the same.
        JobSettingsReader.Read(settings, new JobSettings(), isContinuous: true, now);
        return (JsonObject)settings.DeepClone();
    }

    public static JsonObject Tags(ApiRequest request)
    {
        var tags = request.Object("tags") ?? [];
        if (tags.Count > 200)
            throw GreengrassErrors.Invalid($"There are {tags.Count} tags; 200 are the most.");
        foreach (var (key, _) in tags)
        {
            if (key.Length is 0 or > 128 || (tags.Text(Service, key)?.Length ?? 0) > 256)
                throw GreengrassErrors.Invalid("A tag has a key of 1 to 128 characters and a value of up to 256.");
        }

        return (JsonObject)tags.DeepClone();
    }

    private static long Seconds(JsonObject policy) => policy.Number(Service, "timeoutInSeconds") switch
    {
        null => 60,
        >= 1 and <= int.MaxValue and var seconds => seconds,
        _ => throw GreengrassErrors.Invalid("timeoutInSeconds must be at least 1."),
    };

    private static bool IsObject(string json)
    {
        try
        {
            return StrictJson.Parse(Encoding.UTF8.GetBytes(json)) is JsonObject;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
