using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.EventBridge;

/// <summary>A rule of the default event bus that a schedule sets off.</summary>
internal sealed class ScheduledRule(string name)
{
    public string Name { get; } = name;

    public string Arn => CloudAccount.Local.Arn("events", $"rule/{Name}");

    /// <summary>As it was given.</summary>
    public required string Expression { get; set; }

    public required ScheduleExpression Schedule { get; set; }

    public string? Description { get; set; }

    public string? RoleArn { get; set; }

    public bool IsEnabled { get; set; } = true;

    /// <summary>Null when the schedule has come to its end.</summary>
    public DateTimeOffset? Due { get; set; }

    public SortedDictionary<string, RuleTarget> Targets { get; } = new(StringComparer.Ordinal);

    public void Start(DateTimeOffset now) => Due = Schedule.Next(now);

    /// <summary>What a target gets that has no input of its own.</summary>
    public JsonObject Event(DateTimeOffset now) => new()
    {
        ["version"] = "0",
        ["id"] = Guid.NewGuid().ToString(),
        ["detail-type"] = "Scheduled Event",
        ["source"] = "aws.events",
        ["account"] = CloudAccount.Local.Id,
        ["time"] = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", null),
        ["region"] = CloudAccount.Local.Region,
        ["resources"] = new JsonArray(Arn),
        ["detail"] = new JsonObject(),
    };
}

/// <param name="Arn">Of a function.</param>
/// <param name="Input">JSON that the function gets instead of the event.</param>
/// <param name="DeadLetterArn">Of the queue for events that could not be delivered.</param>
/// <param name="RetryPolicy">As it was given.</param>
internal sealed record RuleTarget(string Id, string Arn, string? Input, string? DeadLetterArn, JsonObject? RetryPolicy);
