using System.Text.Json;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;

namespace Keyturn.Backend;

/// <summary>A job execution came to an end, as AWS IoT announces it: perhaps twice, perhaps late, perhaps out of order.</summary>
/// <param name="At">Epoch seconds, by the clock of the Jobs service.</param>
/// <param name="EventId">Null if the service gave none.</param>
/// <param name="RotationId">What the device says; it counts only where time can't tell two executions apart.</param>
/// <param name="Reason">What the device says.</param>
public sealed record JobEvent(string Thing, string JobId, string Status, long At, string? EventId, string? RotationId, string? Step, string? Reason)
{
    public const string DeletedStatus = "DELETED";

    public bool Succeeded => Status == JobExecution.Succeeded;

    /// <summary>Somebody deleted the job, and this execution had ended, perhaps long before. One that was under way is ended by it as by any other end.</summary>
    public bool Deleted { get; init; } = Status == DeletedStatus;

    /// <summary>The rotation whose end was found by looking; null: AWS IoT announced it.</summary>
    public string? FoundFor { get; init; }

    /// <summary>An execution ends once: all copies of that event have its id. What was found, or is deleted, may be announced beside that.</summary>
    public bool IsOneOfItsKind => FoundFor is null && !Deleted;

    /// <exception cref="FormatException">Not an event of a job execution.</exception>
    public static JobEvent Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            var root = document.RootElement;
            var thing = Text(root, "thingArn") is { } arn && arn.IndexOf(":thing/", StringComparison.Ordinal) is >= 0 and var at ? arn[(at + 7)..] : "";
            var jobId = Text(root, "jobId") ?? "";
            if (!Identity.IsThingName(thing) || !Identity.IsJobId(jobId)
                || Text(root, "status") is not { } status
                || !root.TryGetProperty("timestamp", out var time) || !time.TryGetInt64(out var timestamp))
            {
                throw new FormatException("The event lacks thingArn, jobId, status or timestamp: it is none of a job execution.");
            }

            // Of a deleted execution the status is the one it had before.
            // https://docs.aws.amazon.com/iot/latest/developerguide/events-jobs.html
            var deleted = status == DeletedStatus || Text(root, "operation") == "deleted";
            _ = root.TryGetProperty("statusDetails", out var details);
            return new JobEvent(thing, jobId, deleted && status != JobExecution.Succeeded ? DeletedStatus : status, timestamp, Text(root, "eventId"),
                Text(details, StatusDetailKeys.RotationId), Text(details, StatusDetailKeys.Step), Text(details, StatusDetailKeys.Reason))
            {
                Deleted = deleted && status is not ("QUEUED" or JobExecution.InProgress),
            };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new FormatException("The event is not the JSON of a job execution.", exception);
        }
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
