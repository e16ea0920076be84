using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Requests on <c>$aws/things/T/jobs/…</c>, each answered to the client that asked and to nobody else.</summary>
internal sealed partial class JobsMqtt(JobEngine engine, IMessageBus bus, CallAdmission admission, TimeProvider time)
{
    private const string Service = "iot-jobs-data";
    private const string SpaceMark = "namespace-";

    public static bool IsRequest(BusMessage message) => message.ClientId is not null && Topic().IsMatch(message.Topic);

    public async ValueTask HandleAsync(BusMessage message, CancellationToken cancellation)
    {
        var match = Topic().Match(message.Topic);
        var answer = new JsonObject();
        string? clientToken = null;
        var outcome = "accepted";
        try
        {
            var json = Parse(message.Payload);
            clientToken = json.Text(Service, "clientToken");
            if (clientToken?.Length > 64)
                throw RequestMembers.Invalid("clientToken is longer than 64 characters.");
            answer = Answer(match.Groups["thing"].Value, match.Groups["rest"].Value, json);
        }
        catch (Exception e) when (e is JobsException or ApiException)
        {
            outcome = "rejected";
            answer = Rejection(e);
        }

        answer["timestamp"] = time.GetUtcNow().ToUnixTimeSeconds();
        answer.Put("clientToken", clientToken);
        await bus.ReplyAsync(
            message.ClientId!, $"{message.Topic}/{outcome}", JsonSerializer.SerializeToUtf8Bytes(answer), cancellation);
    }

    private JsonObject Answer(string thing, string rest, JsonObject json)
    {
        var now = time.GetUtcNow();
        var levels = rest.Split('/');
        string? space = null;
        if (levels is [var job, var marked, var operation])
            (space, levels) = (marked[SpaceMark.Length..], [job, operation]);
        Admit(levels);
        switch (levels)
        {
            case ["get"]:
                var pending = engine.Pending(thing);
                return new JsonObject
                {
                    ["inProgressJobs"] = Summaries(pending, ExecutionStatus.InProgress),
                    ["queuedJobs"] = Summaries(pending, ExecutionStatus.Queued),
                };
            case ["start-next"]:
                return Shown(engine.StartNext(thing, JobsRequest.Details(json), JobsRequest.StepTimeout(json)), now, withDocument: true);
            case [var jobId, "get"] when JobId().IsMatch(jobId):
                var withDocument = json.Flag(Service, "includeJobDocument") ?? true;
                return Shown(engine.Describe(thing, jobId, json.Number(Service, "executionNumber"), space), now, withDocument);
            case [var jobId, "update"] when JobId().IsMatch(jobId) && jobId != "$next":
                // Read first: a request that is refused changes nothing.
                var (withState, documentToo) = (json.Flag(Service, "includeJobExecutionState") == true, json.Flag(Service, "includeJobDocument") == true);
                return Updated(engine.Update(thing, jobId, JobsRequest.Update(json), space), withState, documentToo);
            default:
                throw new JobsException(JobsError.InvalidTopic, "No operation of Jobs has this topic.");
        }
    }

    /// <summary>Quotas are those of the operation, whether it is asked for over MQTT or HTTP.</summary>
    private void Admit(string[] levels)
    {
        var operation = levels[^1] switch
        {
            "get" when levels.Length == 1 => "GetPendingJobExecutions",
            "get" => "DescribeJobExecution",
            "start-next" => "StartNextPendingJobExecution",
            _ => "UpdateJobExecution",
        };
        switch (admission($"{Service}:{operation}"))
        {
            case CallVerdict.Throttled:
                throw new JobsException(JobsError.RequestThrottled, "Rate exceeded");
            case CallVerdict.Failed:
                throw new JobsException(JobsError.InternalError, "Internal error (a fault was asked for).");
        }
    }

    private static JsonObject Shown(JobExecution? execution, DateTimeOffset now, bool withDocument) =>
        execution is null ? [] : new JsonObject { ["execution"] = JobMessages.Execution(execution, now, withDocument) };

    private static JsonObject Updated(JobExecution execution, bool withState, bool withDocument)
    {
        var answer = new JsonObject();
        if (withState)
            answer["executionState"] = JobMessages.State(execution);
        if (withDocument)
            answer["jobDocument"] = JsonNode.Parse(execution.Job.Document);
        return answer;
    }

    private static JsonArray Summaries(IReadOnlyList<JobExecution> pending, ExecutionStatus status) =>
        [.. pending.Where(e => e.Status == status).Select(e => (JsonNode)JobMessages.Summary(e))];

    private static JsonObject Rejection(Exception e)
    {
        var error = (e as JobsException)?.Error ?? JobsError.InvalidRequest;
        var answer = new JsonObject { ["code"] = error.Code, ["message"] = e.Message };
        if (e is JobsException { State: { } state } && (error == JobsError.InvalidStateTransition || error == JobsError.VersionMismatch))
            answer["executionState"] = JobMessages.State(state);
        return answer;
    }

    private static JsonObject Parse(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return RequestBody.Parse(Service, payload);
        }
        catch (ApiException e)
        {
            throw new JobsException(JobsError.InvalidJson, e.Message);
        }
    }

    [GeneratedRegex(@"\A\$aws/things/(?<thing>[^/]+)/jobs/(?!notify)(?<rest>[^/]+((/namespace-[^/]+)?/[^/]+)?)(?<!/accepted|/rejected)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Topic();

    [GeneratedRegex(@"\A(\$next|[a-zA-Z0-9_-]{1,64})\z", RegexOptions.CultureInvariant)]
    private static partial Regex JobId();
}
