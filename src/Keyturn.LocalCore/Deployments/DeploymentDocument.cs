using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Deployments;

/// <summary>What a deployment does to one component.</summary>
/// <param name="Version">Null for the recipe's, or the installed one.</param>
/// <param name="Recipe">File of a recipe; null where only the configuration changes.</param>
/// <param name="Executable">Laid where the recipe's artifacts go.</param>
/// <param name="Command">A component without a recipe, or in place of the recipe's run script.</param>
internal sealed record ComponentChange(
    string Name, string? Version, string? Recipe, string? Executable, string? Command, JsonObject? Merge, IReadOnlyList<string> Reset)
{
    public bool BringsComponent => Recipe is not null || Command is not null;
}

/// <summary>
/// A deployment document in the form of AWS's, as far as a single core needs it. Beside AWS's members a component may name local files:
/// <c>recipe</c> and <c>executable</c>, or a <c>command</c>; and <c>componentsToRemove</c> lists what goes.
/// </summary>
/// <param name="Notifies">NOTIFY_COMPONENTS: components are asked before anything is changed.</param>
/// <param name="RollsBack">failureHandlingPolicy ROLLBACK: when a component breaks, what was there before comes back.</param>
/// <param name="NoticeTime">A component that has not answered by then is not waited for.</param>
internal sealed record DeploymentDocument(
    string Id, IReadOnlyList<ComponentChange> Changes, IReadOnlyList<string> Removals, bool Notifies, TimeSpan NoticeTime, TimeSpan ValidationTime,
    bool RollsBack = false)
{
    private static readonly TimeSpan DefaultNoticeTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DefaultValidationTime = TimeSpan.FromSeconds(20);

    /// <exception cref="InvalidDataException">It is not a deployment document.</exception>
    public static DeploymentDocument Parse(string json)
    {
        try
        {
            var document = JsonNode.Parse(json) as JsonObject ?? throw new InvalidDataException("it is not a JSON object");
            RefuseOthers(document, "deploymentId", "components", "componentsToRemove", "deploymentPolicies");
            var policies = document["deploymentPolicies"]?.AsObject() ?? [];
            var notice = policies["componentUpdatePolicy"]?.AsObject() ?? [];
            var validation = policies["configurationValidationPolicy"]?.AsObject() ?? [];
            var changes = (document["components"]?.AsObject() ?? []).Select(c => Change(c.Key, c.Value!.AsObject())).ToList();
            List<string> removals = [.. (document["componentsToRemove"]?.AsArray() ?? []).Select(n => n!.GetValue<string>())];
            return changes.Count + removals.Count == 0
                ? throw new InvalidDataException("it names no component")
                : new(
                    document["deploymentId"]?.GetValue<string>() ?? RandomNumberGenerator.GetHexString(32, lowercase: true),
                    changes, removals,
                    notice["action"]?.GetValue<string>() is not "SKIP_NOTIFY_COMPONENTS",
                    Seconds(notice) ?? DefaultNoticeTime, Seconds(validation) ?? DefaultValidationTime,
                    policies["failureHandlingPolicy"]?.GetValue<string>() == "ROLLBACK");
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(problem.Message, problem);
        }
    }

    private static ComponentChange Change(string name, JsonObject change)
    {
        RefuseOthers(change, "componentVersion", "configurationUpdate", "recipe", "executable", "command");
        var update = change["configurationUpdate"]?.AsObject() ?? [];
        RefuseOthers(update, "merge", "reset");
        var merge = update["merge"] switch
        {
            null => null,
            JsonValue text => JsonNode.Parse(text.GetValue<string>())!.AsObject(),
            var map => map.AsObject(),
        };
        return new(
            name, change["componentVersion"]?.GetValue<string>(), change["recipe"]?.GetValue<string>(), change["executable"]?.GetValue<string>(),
            change["command"]?.GetValue<string>(), merge, [.. (update["reset"]?.AsArray() ?? []).Select(p => p!.GetValue<string>())]);
    }

    private static TimeSpan? Seconds(JsonObject policy) =>
        policy["timeoutInSeconds"] is { } seconds ? TimeSpan.FromSeconds(seconds.GetValue<int>()) : null;

    private static void RefuseOthers(JsonObject map, params string[] known)
    {
        if (map.Select(m => m.Key).FirstOrDefault(k => !known.Contains(k)) is { } other)
            throw new InvalidDataException($"'{other}' is none of {string.Join(", ", known)}");
    }
}

/// <param name="Status">AWS's name for how a deployment ends.</param>
internal sealed record DeploymentResult(string DeploymentId, string Status, string? Message)
{
    public const string Succeeded = "SUCCEEDED";
    public const string FailedNoStateChange = "FAILED_NO_STATE_CHANGE";
    public const string FailedRollbackComplete = "FAILED_ROLLBACK_COMPLETE";
    public const string FailedRollbackNotRequested = "FAILED_ROLLBACK_NOT_REQUESTED";

    public string ToJson() => new JsonObject { ["deploymentId"] = DeploymentId, ["status"] = Status, ["message"] = Message }.ToJsonString();
}
