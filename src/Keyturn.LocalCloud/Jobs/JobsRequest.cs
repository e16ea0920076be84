using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Members of a request of the device plane, the same over MQTT and HTTP.</summary>
internal static partial class JobsRequest
{
    private const string Service = "iot-jobs-data";

    /// <summary>Minutes; -1 ends the timer.</summary>
    private const long LongestStep = 10080;

    public static ExecutionUpdate Update(JsonObject json)
    {
        var status = json.Text(Service, "status") ?? throw RequestMembers.Missing("status");
        if (StatusNames.FindExecution(status) is not { } parsed)
            throw RequestMembers.Invalid($"'{status}' is not a job execution status.");
        if (parsed is ExecutionStatus.Removed or ExecutionStatus.Canceled or ExecutionStatus.TimedOut)
            throw RequestMembers.Invalid($"A device can't set the status {status}.");
        return new ExecutionUpdate(
            parsed, Details(json), json.Number(Service, "expectedVersion"), json.Number(Service, "executionNumber"), StepTimeout(json));
    }

    public static long? StepTimeout(JsonObject json)
    {
        var minutes = json.Number(Service, "stepTimeoutInMinutes");
        return minutes is null or -1 or (>= 1 and <= LongestStep)
            ? minutes
            : throw RequestMembers.Invalid($"stepTimeoutInMinutes must be -1 or lie between 1 and {LongestStep}.");
    }

    /// <summary>A map of text to text, at most ten. Numbers and booleans are taken as their text.</summary>
    public static IReadOnlyDictionary<string, string>? Details(JsonObject json, string member = "statusDetails")
    {
        if (json.Object(Service, member) is not { } details)
            return null;
        if (details.Count > 10)
            throw RequestMembers.Invalid($"{member} has {details.Count} entries; at most 10 are taken.");
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in details)
        {
            if (!KeyPattern().IsMatch(key))
                throw RequestMembers.Invalid($"The key '{key}' of {member} does not match [a-zA-Z0-9:_-]{{1,128}}.");
            var text = value?.GetValueKind() switch
            {
                JsonValueKind.String => value.GetValue<string>(),
                JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number => value.ToJsonString(),
                _ => throw RequestMembers.Invalid($"The value of '{key}' in {member} is not a string."),
            };
            if (!ValuePattern().IsMatch(text))
                throw RequestMembers.Invalid($"The value of '{key}' in {member} must have 1 to 1024 characters, none of them a control character.");
            map[key] = text;
        }

        return map;
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9:_-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex KeyPattern();

    [GeneratedRegex(@"\A[^\p{C}]{1,1024}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ValuePattern();
}
