using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

internal sealed record JobTemplate(string Id, string Arn, string Document, JobSettings Settings, DateTimeOffset CreatedAt);

/// <summary>Job templates: a document and settings under a name.</summary>
internal sealed class JobTemplates(CloudAccount account, Func<string, Job?> findJobByArn, TimeProvider time)
{
    private const string Service = "iot";
    private static readonly MemberRule Id = new(1, 64, "[a-zA-Z0-9_-]+");

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, JobTemplate> _templates = new(StringComparer.Ordinal);

    public IEnumerable<ApiOperation> Operations =>
    [
        new(Service, "CreateJobTemplate", "PUT", "/job-templates/{jobTemplateId}", Create),
        new(Service, "DescribeJobTemplate", "GET", "/job-templates/{jobTemplateId}", Describe),
        new(Service, "ListJobTemplates", "GET", "/job-templates", List),
        new(Service, "DeleteJobTemplate", "DELETE", "/job-templates/{jobTemplateId}", Delete),
    ];

    public JobTemplate? Find(string arn)
    {
        lock (_lock)
            return _templates.Values.FirstOrDefault(t => t.Arn == arn);
    }

    /// <param name="members">As in the request: document, description, jobExecutionsRolloutConfig and so on.</param>
    public JobTemplate Create(string id, JsonObject members)
    {
        var source = members.Text(Service, "jobArn") is { } jobArn
            ? findJobByArn(jobArn) ?? throw new ApiException(404, "ResourceNotFoundException", $"Job {jobArn} does not exist.")
            : null;
        if (members.Text(Service, "description") is null)
            throw RequestMembers.Missing("description");
        var document = JobDocuments.Read(members) ?? source?.Document
            ?? throw RequestMembers.Invalid("One of document, documentSource and jobArn must be given.");
        var settings = JobSettingsReader.Read(members, source?.Settings ?? new JobSettings(), isContinuous: true, time.GetUtcNow());
        if (members.Array(Service, "maintenanceWindows") is { } windows)
        {
            settings = JobSettingsReader.Read(
                new JsonObject { ["schedulingConfig"] = new JsonObject { ["maintenanceWindows"] = windows.DeepClone() } },
                settings, isContinuous: true, time.GetUtcNow());
        }

        var template = new JobTemplate(id, account.Arn("iot", "jobtemplate/" + id), document, settings, time.GetUtcNow());
        lock (_lock)
        {
            if (!_templates.TryAdd(id, template))
                throw new ApiException(409, "ConflictException", $"Job template {id} already exists.", new() { ["resourceId"] = id });
        }

        return template;
    }

    private ValueTask<ApiResponse> Create(ApiRequest request, CancellationToken cancellation)
    {
        var template = Create(request.Label("jobTemplateId", Id), request.Json);
        return ValueTask.FromResult(new ApiResponse(
            Json: new JsonObject { ["jobTemplateArn"] = template.Arn, ["jobTemplateId"] = template.Id }));
    }

    private ValueTask<ApiResponse> Describe(ApiRequest request, CancellationToken cancellation)
    {
        var template = Require(request.Label("jobTemplateId", Id));
        var json = Summary(template);
        json["document"] = template.Document;
        template.Settings.Write(json);
        if (json["schedulingConfig"] is JsonObject schedule)
        {
            json.Remove("schedulingConfig");
            json.Put("maintenanceWindows", schedule["maintenanceWindows"]?.DeepClone());
        }

        return ValueTask.FromResult(new ApiResponse(Json: json));
    }

    private ValueTask<ApiResponse> List(ApiRequest request, CancellationToken cancellation)
    {
        List<JobTemplate> templates;
        lock (_lock)
            templates = [.. _templates.Values];
        return ValueTask.FromResult(new ApiResponse(Json: request.Page("jobTemplates", templates, t => t.Id, Summary)));
    }

    private ValueTask<ApiResponse> Delete(ApiRequest request, CancellationToken cancellation)
    {
        var template = Require(request.Label("jobTemplateId", Id));
        lock (_lock)
            _templates.Remove(template.Id);
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private JobTemplate Require(string id)
    {
        lock (_lock)
        {
            return _templates.GetValueOrDefault(id)
                ?? throw new ApiException(404, "ResourceNotFoundException", $"Job template {id} does not exist.");
        }
    }

    private static JsonObject Summary(JobTemplate template)
    {
        var json = new JsonObject
        {
            ["jobTemplateArn"] = template.Arn, ["jobTemplateId"] = template.Id, ["createdAt"] = template.CreatedAt.Epoch(),
        };
        json.Put("description", template.Settings.Description);
        return json;
    }
}
