using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>The Lambda API: invoke, and look at or change a function's configuration.</summary>
internal sealed class LambdaOperations(LambdaService lambda, TimeProvider time)
{
    private const int MaxSynchronous = 6 * 1024 * 1024;
    private const int MaxAsynchronous = 1024 * 1024;

    public IEnumerable<ApiOperation> All =>
    [
        new("lambda", "Invoke", "POST", "/2015-03-31/functions/{FunctionName}/invocations", InvokeAsync),
        new("lambda", "GetFunction", "GET", "/2015-03-31/functions/{FunctionName}", Answer(Get)),
        new("lambda", "GetFunctionConfiguration", "GET", "/2015-03-31/functions/{FunctionName}/configuration", Answer(r => Show(Find(r)))),
        new("lambda", "UpdateFunctionConfiguration", "PUT", "/2015-03-31/functions/{FunctionName}/configuration", Answer(Update)),
        new("lambda", "ListFunctions", "GET", "/2015-03-31/functions", Answer(List)),
        new("lambda", "GetPolicy", "GET", "/2015-03-31/functions/{FunctionName}/policy", Answer(GetPolicy)),
        new("lambda", "GetFunctionEventInvokeConfig", "GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", Answer(GetEventConfig)),
    ];

    private static ApiHandler Answer(Func<ApiRequest, JsonNode> answer) => (request, _) => ValueTask.FromResult(new ApiResponse(Json: answer(request)));

    private async ValueTask<ApiResponse> InvokeAsync(ApiRequest request, CancellationToken cancellation)
    {
        var function = Find(request);
        var type = request.Headers.GetValueOrDefault("x-amz-invocation-type", "RequestResponse");
        var most = type == "Event" ? MaxAsynchronous : MaxSynchronous;
        if (request.Body.Length > most)
            throw Error(413, "RequestTooLargeException", $"Request must be smaller than {most} bytes for the InvokeFunction operation");
        if (request.Query["Qualifier"].FirstOrDefault() is not (null or "$LATEST"))
            throw NotFound(function.Arn + ":" + request.Query["Qualifier"].First());
        var payload = request.Body.IsEmpty ? "{}"u8.ToArray() : request.Body;
        try
        {
            using var checkedPayload = JsonDocument.Parse(payload);
        }
        catch (JsonException e)
        {
            throw Error(400, "InvalidRequestContentException", $"Could not parse request body into json: {e.Message}");
        }

        var requestId = Guid.NewGuid().ToString();
        switch (type)
        {
            case "DryRun":
                return new ApiResponse(204);
            case "Event":
                lambda.Enqueue(function.Name, requestId, payload);
                return new ApiResponse(202);
            case "RequestResponse":
                var result = await lambda.InvokeAsync(function.Name, requestId, payload, cancellation);
                var headers = new Dictionary<string, string> { ["X-Amz-Executed-Version"] = "$LATEST" };
                if (result.FunctionError is not null)
                    headers["X-Amz-Function-Error"] = result.FunctionError;
                return new ApiResponse(Raw: result.Payload, ContentType: "application/json", Headers: headers);
            default:
                throw Error(400, "InvalidParameterValueException", $"Invocation type {type} is not one of Event, RequestResponse, DryRun");
        }
    }

    private JsonObject Get(ApiRequest request)
    {
        var answer = new JsonObject
        {
            ["Configuration"] = Show(Find(request)),
            ["Code"] = new JsonObject { ["RepositoryType"] = "S3", ["Location"] = "" },
        };
        if (Find(request).ReservedConcurrency is { } reserved)
            answer["Concurrency"] = new JsonObject { ["ReservedConcurrentExecutions"] = reserved };
        return answer;
    }

    private JsonObject Update(ApiRequest request)
    {
        var json = request.Json;
        var found = Find(request);
        var timeout = request.Json.Number("lambda", "Timeout");
        var memory = request.Json.Number("lambda", "MemorySize");
        if (timeout is < 1 or > 900)
            throw Invalid($"Value '{timeout}' at 'timeout' failed to satisfy constraint: Member must have value between 1 and 900");
        if (memory is < 128 or > 10240)
            throw Invalid($"'MemorySize' value failed to satisfy constraint: Member must have value between 128 and 10240");
        if (json.Text("lambda", "RevisionId") is { } revision && revision != found.RevisionId)
            throw Error(412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id");
        ImmutableSortedDictionary<string, string>? variables = null;
        if (json.Object("lambda", "Environment")?.Object("lambda", "Variables") is { } given)
        {
            variables = given.ToImmutableSortedDictionary(
                v => v.Key, v => given.Text("lambda", v.Key) ?? throw RequestBody.Malformed("lambda", $"'{v.Key}' is null."), StringComparer.Ordinal);
        }

        return Show(lambda.Update(found.Name, f => f with
        {
            Description = json.Text("lambda", "Description") ?? f.Description,
            Handler = json.Text("lambda", "Handler") ?? f.Handler,
            TimeoutSeconds = (int)(timeout ?? f.TimeoutSeconds),
            MemoryMegabytes = (int)(memory ?? f.MemoryMegabytes),
            Environment = variables ?? f.Environment,
            LastModified = time.GetUtcNow(),
        }));
    }

    private JsonObject List(ApiRequest request)
    {
        var answer = request.Cut("Functions", lambda.Functions, f => f.Name, Show, "MaxItems", "Marker", "NextMarker", 50, 10_000);
        return answer;
    }

    private JsonObject GetPolicy(ApiRequest request)
    {
        var function = Find(request);
        if (function.Permissions.Length == 0)
            throw Error(404, "ResourceNotFoundException", "The resource you requested does not exist.");
        var policy = new JsonObject
        {
            ["Version"] = "2012-10-17",
            ["Id"] = "default",
            ["Statement"] = new JsonArray([.. function.Permissions.Select((p, i) => new JsonObject
            {
                ["Sid"] = $"statement-{i}",
                ["Effect"] = "Allow",
                ["Principal"] = new JsonObject { ["Service"] = p.Principal },
                ["Action"] = p.Action,
                ["Resource"] = function.Arn,
                ["Condition"] = p.SourceArn is null ? null : new JsonObject { ["ArnLike"] = new JsonObject { ["AWS:SourceArn"] = p.SourceArn } },
            })]),
        };
        return new JsonObject { ["Policy"] = policy.ToJsonString(), ["RevisionId"] = function.RevisionId };
    }

    private JsonObject GetEventConfig(ApiRequest request)
    {
        var function = Find(request);
        var destinations = new JsonObject();
        if (function.OnFailureArn is not null)
            destinations["OnFailure"] = new JsonObject { ["Destination"] = function.OnFailureArn };
        return new JsonObject
        {
            ["FunctionArn"] = function.Arn + ":$LATEST",
            ["LastModified"] = function.LastModified.ToUnixTimeSeconds(),
            ["MaximumRetryAttempts"] = function.MaxRetries,
            ["MaximumEventAgeInSeconds"] = (int)function.MaxEventAge.TotalSeconds,
            ["DestinationConfig"] = destinations,
        };
    }

    private LambdaFunction Find(ApiRequest request)
    {
        var name = request.Labels["FunctionName"];
        return lambda.Find(name) ?? throw NotFound(CloudAccount.Local.Arn("lambda", $"function:{LambdaService.NameOf(name)}"));
    }

    private static JsonObject Show(LambdaFunction function)
    {
        var shown = new JsonObject
        {
            ["FunctionName"] = function.Name,
            ["FunctionArn"] = function.Arn,
            ["Runtime"] = function.Runtime,
            ["Role"] = function.Role.Arn,
            ["Handler"] = function.Handler,
            ["CodeSize"] = 0,
            ["Description"] = function.Description ?? "",
            ["Timeout"] = function.TimeoutSeconds,
            ["MemorySize"] = function.MemoryMegabytes,
            ["LastModified"] = function.LastModified.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'+0000'", null),
            ["CodeSha256"] = "",
            ["Version"] = "$LATEST",
            ["TracingConfig"] = new JsonObject { ["Mode"] = function.TracingMode },
            ["RevisionId"] = function.RevisionId,
            ["State"] = "Active",
            ["LastUpdateStatus"] = "Successful",
            ["PackageType"] = "Zip",
            ["Architectures"] = new JsonArray(function.Architecture),
            ["EphemeralStorage"] = new JsonObject { ["Size"] = 512 },
        };
        if (function.Environment.Count > 0)
        {
            shown["Environment"] = new JsonObject
            {
                ["Variables"] = new JsonObject(function.Environment.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)v.Value))),
            };
        }

        if (function.DeadLetterArn is not null)
            shown["DeadLetterConfig"] = new JsonObject { ["TargetArn"] = function.DeadLetterArn };
        return shown;
    }

    private static ApiException NotFound(string arn) => Error(404, "ResourceNotFoundException", $"Function not found: {arn}");

    private static ApiException Invalid(string message) => Error(400, "InvalidParameterValueException", message);

    private static ApiException Error(int status, string code, string message) => new(status, code, message);
}
