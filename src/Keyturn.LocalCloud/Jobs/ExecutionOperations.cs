using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>The control plane of job executions.</summary>
internal sealed class ExecutionOperations(JobEngine engine, IDeviceDirectory directory, CloudAccount account, TimeProvider time)
{
    private const string Service = "iot";
    private static readonly MemberRule JobId = new(1, 64, "[a-zA-Z0-9_-]+");
    private static readonly MemberRule ThingName = new(1, 128, "[a-zA-Z0-9:_-]+");
    private static readonly MemberRule Status = new(values: [.. StatusNames.OfExecutions]);

    public IEnumerable<ApiOperation> All =>
    [
        new(Service, "DescribeJobExecution", "GET", "/things/{thingName}/jobs/{jobId}", Describe),
        new(Service, "CancelJobExecution", "PUT", "/things/{thingName}/jobs/{jobId}/cancel", Cancel),
        new(Service, "DeleteJobExecution", "DELETE", "/things/{thingName}/jobs/{jobId}/executionNumber/{executionNumber}", Delete),
        new(Service, "ListJobExecutionsForJob", "GET", "/jobs/{jobId}/things", ListForJob),
        new(Service, "ListJobExecutionsForThing", "GET", "/things/{thingName}/jobs", ListForThing),
    ];

    private ValueTask<ApiResponse> Describe(ApiRequest request, CancellationToken cancellation)
    {
        var (thing, jobId) = (request.Label("thingName", ThingName), request.Label("jobId", JobId));
        var number = request.QueryNumber("executionNumber", 0, long.MaxValue);
        var json = engine.Read(jobs => Show(
            jobs.GetValueOrDefault(jobId)?.Find(thing, number) ?? throw JobEngine.NoExecution(jobId, thing)));
        return ValueTask.FromResult(new ApiResponse(Json: new JsonObject { ["execution"] = json }));
    }

    private ValueTask<ApiResponse> Cancel(ApiRequest request, CancellationToken cancellation)
    {
        engine.CancelExecution(
            request.Label("jobId", JobId), request.Label("thingName", ThingName), request.QueryFlag("force"),
            request.Number("expectedVersion"), JobsRequest.Details(request.Json));
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private ValueTask<ApiResponse> Delete(ApiRequest request, CancellationToken cancellation)
    {
        var text = request.Label("executionNumber");
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw RequestMembers.Invalid($"Value '{text}' at 'executionNumber' is not a number.");
        engine.DeleteExecution(request.Label("jobId", JobId), request.Label("thingName", ThingName), number, request.QueryFlag("force"));
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private ValueTask<ApiResponse> ListForJob(ApiRequest request, CancellationToken cancellation)
    {
        var job = engine.FindJob(request.Label("jobId", JobId));
        var status = request.QueryText("status", Status);
        var json = engine.Read(_ => request.Page(
            "executionSummaries", job.Executions.Where(e => status is null || e.Status.Name() == status),
            e => $"{e.Thing}/{e.Number}",
            e => new JsonObject { ["thingArn"] = Arn(e), ["jobExecutionSummary"] = Summary(e) }));
        return ValueTask.FromResult(new ApiResponse(Json: json));
    }

    private ValueTask<ApiResponse> ListForThing(ApiRequest request, CancellationToken cancellation)
    {
        var thing = request.Label("thingName", ThingName);
        if (directory.FindThing(thing) is null)
            throw new ApiException(404, "ResourceNotFoundException", $"Thing {thing} does not exist.");
        var status = request.QueryText("status", Status);
        var jobId = request.QueryText("jobId", JobId);
        var space = request.QueryText("namespaceId");
        var json = engine.Read(jobs => request.Page(
            "executionSummaries",
            jobs.Values.Where(j => (jobId is null || j.Id == jobId) && (space is null || j.Namespace == space)).SelectMany(j => j.AttemptsOf(thing))
                .Where(e => status is null || e.Status.Name() == status)
                .OrderByDescending(e => e.QueuedAt).ThenByDescending(e => e.Sequence),
            e => $"{e.Job.Id}/{e.Number}",
            e => new JsonObject { ["jobId"] = e.Job.Id, ["jobExecutionSummary"] = Summary(e) }));
        return ValueTask.FromResult(new ApiResponse(Json: json));
    }

    private JsonObject Show(JobExecution execution)
    {
        var json = new JsonObject { ["jobId"] = execution.Job.Id, ["status"] = execution.Status.Name() };
        if (execution.Status == ExecutionStatus.Canceled)
            json["forceCanceled"] = execution.ForceCanceled;
        json["statusDetails"] = new JsonObject { ["detailsMap"] = JobMessages.Details(execution) ?? [] };
        json["thingArn"] = Arn(execution);
        json["queuedAt"] = execution.QueuedAt.Epoch();
        json.Put("startedAt", execution.StartedAt?.Epoch());
        json["lastUpdatedAt"] = execution.LastUpdatedAt.Epoch();
        json["executionNumber"] = execution.Number;
        json["versionNumber"] = execution.Version;
        json.Put("approximateSecondsBeforeTimedOut", execution.SecondsBeforeTimeout(time.GetUtcNow()));
        return json;
    }

    private static JsonObject Summary(JobExecution execution)
    {
        var json = new JsonObject { ["status"] = execution.Status.Name(), ["queuedAt"] = execution.QueuedAt.Epoch() };
        json.Put("startedAt", execution.StartedAt?.Epoch());
        json["lastUpdatedAt"] = execution.LastUpdatedAt.Epoch();
        json["executionNumber"] = execution.Number;
        json["retryAttempt"] = execution.RetryAttempt;
        return json;
    }

    private string Arn(JobExecution execution) => account.Arn("iot", "thing/" + execution.Thing);
}
