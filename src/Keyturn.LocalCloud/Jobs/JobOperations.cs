using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>The control plane of jobs.</summary>
internal sealed class JobOperations(
    JobEngine engine, JobTemplates templates, IDeviceDirectory directory, CloudAccount account, TimeProvider time)
{
    private const string Service = "iot";
    private static readonly MemberRule JobId = new(1, 64, "[a-zA-Z0-9_-]+");
    private static readonly MemberRule Namespace = new(1, 64, "[a-zA-Z0-9_-]+");
    private static readonly MemberRule Selection = new(values: ["CONTINUOUS", "SNAPSHOT"]);
    private static readonly MemberRule ReasonCode = new(0, 128, @"[\p{Lu}\p{Nd}_]*");
    private static readonly MemberRule Comment = new(0, 2028, @"[^\p{C}]*");

    public IEnumerable<ApiOperation> All =>
    [
        new(Service, "CreateJob", "PUT", "/jobs/{jobId}", Create),
        new(Service, "DescribeJob", "GET", "/jobs/{jobId}", Describe),
        new(Service, "UpdateJob", "PATCH", "/jobs/{jobId}", Update),
        new(Service, "DeleteJob", "DELETE", "/jobs/{jobId}", Delete),
        new(Service, "CancelJob", "PUT", "/jobs/{jobId}/cancel", Cancel),
        new(Service, "ListJobs", "GET", "/jobs", List),
        new(Service, "GetJobDocument", "GET", "/jobs/{jobId}/job-document", GetDocument),
        new(Service, "AssociateTargetsWithJob", "POST", "/jobs/{jobId}/targets", AssociateTargets),
    ];

    private ValueTask<ApiResponse> Create(ApiRequest request, CancellationToken cancellation)
    {
        var id = request.Label("jobId", JobId);
        var targets = Targets(request);
        var template = request.Text("jobTemplateArn") is { } arn
            ? templates.Find(arn) ?? throw new ApiException(404, "ResourceNotFoundException", $"Job template {arn} does not exist.")
            : null;
        var own = JobDocuments.Read(request.Json);
        if (own is not null && template is not null)
            throw RequestMembers.Invalid("document and jobTemplateArn exclude each other.");
        var document = own ?? template?.Document ?? throw RequestMembers.Invalid("One of document, documentSource and jobTemplateArn must be given.");
        var isContinuous = request.Text("targetSelection", Selection) == "CONTINUOUS";
        var now = time.GetUtcNow();
        var defaults = template?.Settings ?? new JobSettings();
        if (!isContinuous && defaults.Schedule is { Windows.Count: > 0 })
            defaults = defaults with { Schedule = null };
        var settings = JobSettingsReader.Read(request.Json, defaults, isContinuous, now);
        var job = new Job(id, account.Arn("iot", "job/" + id), isContinuous, document, settings, now) { TemplateArn = template?.Arn };
        engine.Create(job, targets);
        return Named(job);
    }

    private ValueTask<ApiResponse> Describe(ApiRequest request, CancellationToken cancellation)
    {
        var id = request.Label("jobId", JobId);
        var job = engine.FindJob(id);
        return ValueTask.FromResult(new ApiResponse(Json: new JsonObject { ["job"] = engine.Read(_ => Show(job)) }));
    }

    private ValueTask<ApiResponse> Update(ApiRequest request, CancellationToken cancellation)
    {
        var (id, changes, now) = (request.Label("jobId", JobId), Without(request.Json, "schedulingConfig"), time.GetUtcNow());
        // What can't be read is refused whether there is such a job or not.
        JobSettingsReader.Read(changes, new JobSettings(), isContinuous: true, now);
        engine.UpdateJob(id, job => JobSettingsReader.Read(changes, job.Settings, job.IsContinuous, now));
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private ValueTask<ApiResponse> Delete(ApiRequest request, CancellationToken cancellation)
    {
        engine.DeleteJob(request.Label("jobId", JobId), request.QueryFlag("force"));
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private ValueTask<ApiResponse> Cancel(ApiRequest request, CancellationToken cancellation) => Named(engine.CancelJob(
        request.Label("jobId", JobId), request.QueryFlag("force"), request.Text("reasonCode", ReasonCode), request.Text("comment", Comment)));

    private ValueTask<ApiResponse> AssociateTargets(ApiRequest request, CancellationToken cancellation)
    {
        var (id, targets) = (request.Label("jobId", JobId), Targets(request));
        request.Text("comment", Comment);
        var job = engine.FindJob(id);
        engine.AddTargets(job, targets);
        return Named(job);
    }

    private ValueTask<ApiResponse> GetDocument(ApiRequest request, CancellationToken cancellation) =>
        ValueTask.FromResult(new ApiResponse(Json: new JsonObject { ["document"] = engine.FindJob(request.Label("jobId", JobId)).Document }));

    private ValueTask<ApiResponse> List(ApiRequest request, CancellationToken cancellation)
    {
        var status = request.QueryText("status", new MemberRule(values: [.. StatusNames.OfJobs]));
        var selection = request.QueryText("targetSelection", Selection);
        var group = request.QueryText("thingGroupName");
        var space = request.QueryText("namespaceId", Namespace);
        if (group is not null && directory.ThingsInGroup(group) is null)
            throw new ApiException(404, "ResourceNotFoundException", $"Thing group {group} does not exist.");
        var json = engine.Read(jobs => request.Page(
            "jobs",
            jobs.Values
                .Where(j => (status is null || j.Status.Name() == status) && (space is null || j.Namespace == space) && (group is null || j.Groups.Contains(group))
                    && (selection is null || Name(j) == selection))
                .OrderByDescending(j => j.CreatedAt).ThenBy(j => j.Id, StringComparer.Ordinal),
            j => j.Id, Summary));
        return ValueTask.FromResult(new ApiResponse(Json: json));
    }

    private static List<string> Targets(ApiRequest request)
    {
        var targets = request.Texts("targets", new MemberRule(0, 2048)) ?? throw RequestMembers.Missing("targets");
        return targets.Count > 0 ? [.. targets] : throw RequestMembers.Invalid("targets is empty.");
    }

    private static ValueTask<ApiResponse> Named(Job job)
    {
        var json = new JsonObject { ["jobArn"] = job.Arn, ["jobId"] = job.Id };
        json.Put("description", job.Settings.Description);
        return ValueTask.FromResult(new ApiResponse(Json: json));
    }

    private static JsonObject Summary(Job job)
    {
        var json = new JsonObject
        {
            ["jobArn"] = job.Arn, ["jobId"] = job.Id, ["targetSelection"] = Name(job), ["status"] = job.Status.Name(),
            ["createdAt"] = job.CreatedAt.Epoch(), ["lastUpdatedAt"] = job.LastUpdatedAt.Epoch(),
        };
        json.Put("completedAt", job.CompletedAt?.Epoch());
        json["isConcurrent"] = false;
        return json;
    }

    private static JsonObject Show(Job job)
    {
        var json = Summary(job);
        json["targets"] = new JsonArray([.. job.Targets.Select(t => (JsonNode)t)]);
        json.Put("jobTemplateArn", job.TemplateArn);
        json.Put("namespaceId", job.Namespace);
        if (job.Status == JobStatus.Canceled)
            json["forceCanceled"] = job.ForceCanceled;
        json.Put("reasonCode", job.ReasonCode);
        json.Put("comment", job.Comment);
        json["jobProcessDetails"] = JobMessages.ProcessDetails(job);
        if (job.Waiting.Count > 0)
            json["jobProcessDetails"]!["processingTargets"] = new JsonArray([.. job.Targets.Select(t => (JsonNode)t)]);
        job.Settings.Write(json);
        return json;
    }

    private static string Name(Job job) => job.IsContinuous ? "CONTINUOUS" : "SNAPSHOT";

    private static JsonObject Without(JsonObject json, string name)
    {
        var copy = json.DeepClone().AsObject();
        copy.Remove(name);
        return copy;
    }
}
