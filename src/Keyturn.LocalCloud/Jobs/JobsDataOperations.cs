using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>The device plane over HTTP: iot-jobs-data.</summary>
internal sealed class JobsDataOperations(JobEngine engine, IDeviceDirectory directory, CloudAccount account, TimeProvider time)
{
    private const string Service = "iot-jobs-data";
    private static readonly MemberRule ThingName = new(1, 128, "[a-zA-Z0-9:_-]+");
    private static readonly MemberRule JobId = new(1, 64, @"[a-zA-Z0-9_-]+|\$next");

    public IEnumerable<ApiOperation> All =>
    [
        new(Service, "GetPendingJobExecutions", "GET", "/things/{thingName}/jobs", Handle(GetPending)),
        new(Service, "StartNextPendingJobExecution", "PUT", "/things/{thingName}/jobs/$next", Handle(StartNext)),
        new(Service, "DescribeJobExecution", "GET", "/things/{thingName}/jobs/{jobId}", Handle(Describe)),
        new(Service, "UpdateJobExecution", "POST", "/things/{thingName}/jobs/{jobId}", Handle(Update)),
    ];

    private ApiHandler Handle(Func<ApiRequest, string, JsonObject> operation) => (request, _) =>
    {
        try
        {
            var thing = request.Label("thingName", ThingName);
            Authorize(request, thing);
            return ValueTask.FromResult(new ApiResponse(Json: operation(request, thing)));
        }
        catch (JobsException e)
        {
            throw e.ToApi();
        }
    };

    private JsonObject GetPending(ApiRequest request, string thing)
    {
        var pending = engine.Pending(thing);
        return new JsonObject { ["inProgressJobs"] = Of(ExecutionStatus.InProgress), ["queuedJobs"] = Of(ExecutionStatus.Queued) };

        JsonArray Of(ExecutionStatus status) => [.. pending.Where(e => e.Status == status).Select(e => (JsonNode)JobMessages.Summary(e))];
    }

    private JsonObject StartNext(ApiRequest request, string thing) =>
        Shown(engine.StartNext(thing, JobsRequest.Details(request.Json), JobsRequest.StepTimeout(request.Json)), withDocument: true);

    private JsonObject Describe(ApiRequest request, string thing)
    {
        var withDocument = request.QueryFlag("includeJobDocument");
        return Shown(engine.Describe(thing, request.Label("jobId", JobId), request.QueryNumber("executionNumber", 0, long.MaxValue)), withDocument);
    }

    private JsonObject Update(ApiRequest request, string thing)
    {
        var jobId = request.Label("jobId", JobId);
        if (jobId == "$next")
            throw RequestMembers.Invalid("$next can't be updated: name the job.");
        var (withState, withDocument) = (request.Flag("includeJobExecutionState") == true, request.Flag("includeJobDocument") == true);
        var execution = engine.Update(thing, jobId, JobsRequest.Update(request.Json));
        var answer = new JsonObject();
        if (withState)
            answer["executionState"] = JobMessages.State(execution);
        if (withDocument)
            answer["jobDocument"] = execution.Job.Document;
        return answer;
    }

    private JsonObject Shown(JobExecution? execution, bool withDocument) => execution is null ? [] : new JsonObject
    {
        ["execution"] = JobMessages.Execution(execution, time.GetUtcNow(), withDocument, documentAsText: true),
    };

    private void Authorize(ApiRequest request, string thing)
    {
        // Callers who sign are checked against IAM before they come here.
        if (request.Caller.CertificateId is not { } id)
            return;
        var resource = account.Arn("iot", "thing/" + thing);
        if (directory.FindCertificate(id) is not { IsActive: true } certificate
            || !(Allows("iotjobsdata") || Allows("iot")))
            throw new ApiException(403, "ForbiddenException", $"No policy of certificate {id} allows {request.Operation.Name} on {resource}.");

        bool Allows(string prefix) => PolicyEvaluation.Allows(certificate, time, $"{prefix}:{request.Operation.Name}", resource);
    }
}
