using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>The JSON that Jobs sends to devices and as events. Times are whole epoch seconds.</summary>
internal static class JobMessages
{
    /// <summary>More pending executions than these a notification does not list.</summary>
    private const int Listed = 10;

    public static BusMessage Notify(string thing, string? space, IReadOnlyList<JobExecution> pending, DateTimeOffset now)
    {
        var jobs = new JsonObject();
        foreach (var status in (ExecutionStatus[])[ExecutionStatus.InProgress, ExecutionStatus.Queued])
        {
            var entries = pending.Take(Listed).Where(e => e.Status == status).Select(e => (JsonNode)Summary(e)).ToArray();
            if (entries.Length > 0)
                jobs[status.Name()] = new JsonArray(entries);
        }

        return Message($"$aws/things/{thing}/jobs/notify{Suffix(space)}", new JsonObject { ["timestamp"] = now.ToUnixTimeSeconds(), ["jobs"] = jobs });
    }

    public static BusMessage NotifyNext(string thing, string? space, JobExecution? next, DateTimeOffset now)
    {
        var json = new JsonObject { ["timestamp"] = now.ToUnixTimeSeconds() };
        if (next is not null)
        {
            var execution = Execution(next, now, withDocument: true);
            execution.Remove("thingName");
            json["execution"] = execution;
        }

        return Message($"$aws/things/{thing}/jobs/notify-next{Suffix(space)}", json);
    }

    /// <summary>As the device plane shows it; over HTTP the document is text.</summary>
    public static JsonObject Execution(JobExecution execution, DateTimeOffset now, bool withDocument, bool documentAsText = false)
    {
        var json = new JsonObject
        {
            ["jobId"] = execution.Job.Id,
            ["thingName"] = execution.Thing,
            ["status"] = execution.Status.Name(),
        };
        json.Put("statusDetails", Details(execution));
        json["queuedAt"] = execution.QueuedAt.ToUnixTimeSeconds();
        json.Put("startedAt", execution.StartedAt?.ToUnixTimeSeconds());
        json["lastUpdatedAt"] = execution.LastUpdatedAt.ToUnixTimeSeconds();
        json.Put("approximateSecondsBeforeTimedOut", execution.SecondsBeforeTimeout(now));
        json["versionNumber"] = execution.Version;
        json["executionNumber"] = execution.Number;
        if (withDocument)
            json["jobDocument"] = documentAsText ? execution.Job.Document : JsonNode.Parse(execution.Job.Document);
        return json;
    }

    public static JsonObject Summary(JobExecution execution)
    {
        var json = new JsonObject
        {
            ["jobId"] = execution.Job.Id,
            ["queuedAt"] = execution.QueuedAt.ToUnixTimeSeconds(),
            ["lastUpdatedAt"] = execution.LastUpdatedAt.ToUnixTimeSeconds(),
        };
        json.Put("startedAt", execution.StartedAt?.ToUnixTimeSeconds());
        json["executionNumber"] = execution.Number;
        json["versionNumber"] = execution.Version;
        return json;
    }

    public static JsonObject State(JobExecution execution)
    {
        var json = new JsonObject { ["status"] = execution.Status.Name() };
        json.Put("statusDetails", Details(execution));
        json["versionNumber"] = execution.Version;
        return json;
    }

    public static JsonObject? Details(JobExecution execution) =>
        execution.Details is { } details ? new JsonObject(details.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))) : null;

    public static BusMessage ExecutionEvent(JobExecution execution, string operation, string thingArn, DateTimeOffset now)
    {
        var json = new JsonObject
        {
            ["eventType"] = "JOB_EXECUTION",
            ["eventId"] = Guid.NewGuid().ToString(),
            ["timestamp"] = now.ToUnixTimeSeconds(),
            ["operation"] = operation,
            ["jobId"] = execution.Job.Id,
            ["thingArn"] = thingArn,
            // Of a deleted one too: the one it had before.
            ["status"] = execution.Status.Name(),
        };
        json.Put("statusDetails", Details(execution));
        return Message($"$aws/events/jobExecution/{execution.Job.Id}/{operation}", json);
    }

    public static BusMessage JobEvent(Job job, string operation, string status, DateTimeOffset now)
    {
        var json = new JsonObject
        {
            ["eventType"] = "JOB",
            ["eventId"] = Guid.NewGuid().ToString(),
            ["timestamp"] = now.ToUnixTimeSeconds(),
            ["operation"] = operation,
            ["jobId"] = job.Id,
            ["status"] = status,
            ["targetSelection"] = job.IsContinuous ? "CONTINUOUS" : "SNAPSHOT",
            ["targets"] = new JsonArray([.. job.Targets.Select(t => (JsonNode)t)]),
        };
        json.Put("description", job.Settings.Description);
        json.Put("completedAt", job.CompletedAt?.ToUnixTimeMilliseconds());
        json["createdAt"] = job.CreatedAt.ToUnixTimeMilliseconds();
        json["lastUpdatedAt"] = job.LastUpdatedAt.ToUnixTimeMilliseconds();
        json.Put("comment", job.Comment);
        if (operation == "completed")
            json["jobProcessDetails"] = ProcessDetails(job);
        return Message($"$aws/events/job/{job.Id}/{operation}", json);
    }

    public static JsonObject ProcessDetails(Job job)
    {
        var census = job.Census;
        return new JsonObject
        {
            ["numberOfCanceledThings"] = census.GetValueOrDefault(ExecutionStatus.Canceled),
            ["numberOfSucceededThings"] = census.GetValueOrDefault(ExecutionStatus.Succeeded),
            ["numberOfFailedThings"] = census.GetValueOrDefault(ExecutionStatus.Failed),
            ["numberOfRejectedThings"] = census.GetValueOrDefault(ExecutionStatus.Rejected),
            ["numberOfQueuedThings"] = census.GetValueOrDefault(ExecutionStatus.Queued),
            ["numberOfInProgressThings"] = census.GetValueOrDefault(ExecutionStatus.InProgress),
            ["numberOfRemovedThings"] = census.GetValueOrDefault(ExecutionStatus.Removed),
            ["numberOfTimedOutThings"] = census.GetValueOrDefault(ExecutionStatus.TimedOut),
        };
    }

    private static string Suffix(string? space) => space is null ? "" : "-namespace-" + space;

    private static BusMessage Message(string topic, JsonObject json) => new(topic, JsonSerializer.SerializeToUtf8Bytes(json));
}
