using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Iam;

/// <summary>
/// The IAM actions of an API request and the resources each is about.
/// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
/// </summary>
internal static class RequestResources
{
    /// <summary>IoT operations that IAM knows no resource for: a policy has to say "*".</summary>
    private static readonly HashSet<string> WithoutResource = new(StringComparer.Ordinal)
    {
        "CreateCertificateFromCsr", "CreateKeysAndCertificate", "RegisterCertificate", "RegisterCertificateWithoutCA", "ListCertificates",
        "ListCertificatesByCA", "ListPolicies", "ListThings", "ListThingGroups", "ListThingTypes", "ListTopicRules", "ListJobs", "ListJobTemplates",
        "ListPrincipalThings", "ListPrincipalThingsV2", "ListThingPrincipals", "ListThingPrincipalsV2", "AttachThingPrincipal", "DetachThingPrincipal",
        "ListPrincipalPolicies", "ListPolicyPrincipals", "DescribeEndpoint", "DescribeEventConfigurations", "UpdateEventConfigurations",
        "GetIndexingConfiguration", "UpdateIndexingConfiguration", "ListIndices", "GetRegistrationCode", "DeleteRegistrationCode", "RegisterCACertificate", "ListCACertificates", "ListRoleAliases",
    };

    public static IEnumerable<(string Action, string Resource)> Of(ApiRequest request)
    {
        var name = request.Operation.Name;
        switch (request.Operation.Service)
        {
            case "iot":
                // An execution is of a thing and of a job: both must be allowed.
                if (request.Labels.TryGetValue("jobId", out var job) && request.Labels.TryGetValue("thingName", out var ofThing))
                    return [($"iot:{name}", Thing(ofThing)), ($"iot:{name}", CloudAccount.Local.Arn("iot", $"job/{job}"))];
                return [($"iot:{name}", WithoutResource.Contains(name) ? "*" : Iot(request))];
            case "iot-data":
                return request.Labels.TryGetValue("topic", out var topic)
                    ? [($"iot:{name}", CloudAccount.Local.Arn("iot", $"topic/{topic}"))]
                    : [($"iot:{name}", request.Labels.TryGetValue("thingName", out var shadow) ? Thing(shadow) : "*")];
            case "iot-jobs-data":
                return [($"iotjobsdata:{name}", Thing(request.Labels["thingName"]))];
            case "lambda":
                return [($"lambda:{(name == "Invoke" ? "InvokeFunction" : name)}",
                    request.Labels.TryGetValue("FunctionName", out var function)
                        ? CloudAccount.Local.Arn("lambda", $"function:{Lambda.LambdaService.NameOf(function)}")
                        : "*")];
            case "sns":
                return [($"sns:{name}", request.Query["TopicArn"].FirstOrDefault() ?? request.Query["TargetArn"].FirstOrDefault() ?? "*")];
            case "dynamodb":
                return DynamoDb(name, request.Json);
            case "sqs":
                return [($"sqs:{name}", new Sqs.SqsRequest(request).Text("QueueUrl") is { } url ? CloudAccount.Local.Arn("sqs", url[(url.LastIndexOf('/') + 1)..]) : "*")];
            case "events":
                return [($"events:{name}", (Text(request.Json["Name"]) ?? Text(request.Json["Rule"])) is { } rule ? CloudAccount.Local.Arn("events", $"rule/{rule}") : "*")];
            case "s3":
                return [S3(name, request.Labels)];
            case "greengrass":
                return [($"greengrass:{name}", Greengrass(request.Labels))];
            case "acm-pca":
                return [($"acm-pca:{name}", Text(request.Json["CertificateAuthorityArn"]) ?? "*")];
            default:
                return [($"{request.Operation.Service}:{name}", "*")];
        }
    }

    /// <summary>Condition keys that only one service has.</summary>
    public static IamRequest WithConditionKeys(IamRequest asked, ApiRequest request) => request.Operation is { Service: "acm-pca", Name: "IssueCertificate" }
        ? asked.With("acm-pca:TemplateArn", Text(request.Json["TemplateArn"]))
        : asked;

    private static string Iot(ApiRequest request)
    {
        // An ARN as a target names the resource itself.
        if (request.Labels.TryGetValue("target", out var target) || (request.Operation.Name is "AttachPolicy" or "DetachPolicy"
            && Text(request.Json["target"]) is { } inBody && (target = inBody) is not null))
        {
            return target!;
        }

        if (request.Operation.Name == "SearchIndex")
            return CloudAccount.Local.Arn("iot", $"index/{Text(request.Json["indexName"]) ?? "AWS_Things"}");
        return Label(request, "indexName", "index") ?? Label(request, "certificateId", "cert") ?? Label(request, "caCertificateId", "cacert") ?? Label(request, "policyName", "policy")
            ?? Label(request, "jobId", "job") ?? Label(request, "jobTemplateId", "jobtemplate") ?? Label(request, "ruleName", "rule")
            ?? Label(request, "roleAlias", "rolealias") ?? Label(request, "thingName", "thing") ?? Label(request, "thingGroupName", "thinggroup") ?? Label(request, "thingTypeName", "thingtype")
            ?? "*";
    }

    private static string Greengrass(IReadOnlyDictionary<string, string> labels) =>
        labels.TryGetValue("arn", out var component) ? component
        : labels.TryGetValue("deploymentId", out var deployment) ? CloudAccount.Local.Arn("greengrass", $"deployments:{deployment}")
        : labels.TryGetValue("coreDeviceThingName", out var device) ? CloudAccount.Local.Arn("greengrass", $"coreDevices:{device}")
        : "*";

    private static string? Label(ApiRequest request, string label, string kind) =>
        request.Labels.TryGetValue(label, out var value) ? CloudAccount.Local.Arn("iot", $"{kind}/{value}") : null;

    private static (string Action, string Resource) S3(string name, IReadOnlyDictionary<string, string> labels)
    {
        var action = name switch
        {
            "HeadObject" => "GetObject",
            "HeadBucket" or "ListObjectsV2" => "ListBucket",
            "ListBuckets" => "ListAllMyBuckets",
            "CompleteMultipartUpload" => "PutObject",
            _ => name,
        };
        var bucket = labels.GetValueOrDefault("Bucket", "*");
        return ($"s3:{action}", labels.TryGetValue("Key", out var key) ? $"arn:aws:s3:::{bucket}/{key}" : $"arn:aws:s3:::{bucket}");
    }

    private static IEnumerable<(string Action, string Resource)> DynamoDb(string name, JsonObject json)
    {
        switch (name)
        {
            case "TransactWriteItems" or "TransactGetItems":
                var items = json["TransactItems"] as JsonArray ?? [];
                return items.OfType<JsonObject>().SelectMany(item => item).Select(part => (
                    Action: part.Key switch
                    {
                        "Put" or "Update" or "Delete" or "Get" => $"dynamodb:{part.Key}Item",
                        _ => "dynamodb:ConditionCheckItem",
                    },
                    Resource: Table((part.Value as JsonObject)?["TableName"]))).Distinct();
            case "BatchGetItem" or "BatchWriteItem":
                return (json["RequestItems"] as JsonObject ?? []).Select(t => ($"dynamodb:{name}", Table(JsonValue.Create(t.Key))));
            case "ListTables":
                return [("dynamodb:ListTables", "*")];
            default:
                var table = Table(json["TableName"]);
                return [($"dynamodb:{name}", Text(json["IndexName"]) is { } index ? $"{table}/index/{index}" : table)];
        }
    }

    private static string Table(JsonNode? nameOrArn) => Text(nameOrArn) switch
    {
        null => "*",
        var arn when arn.StartsWith("arn:", StringComparison.Ordinal) => arn,
        var name => CloudAccount.Local.Arn("dynamodb", $"table/{name}"),
    };

    private static string Thing(string name) => CloudAccount.Local.Arn("iot", $"thing/{name}");

    private static string? Text(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;
}
