using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>
/// What is looked at before an operation looks for what the request names: what many operations have in common is within its constraints, and a member that
/// AWS knows and this cloud does not offer is refused rather than passed over.
/// </summary>
internal static class MemberChecks
{
    private const int MostTags = 50;
    private static readonly MemberRule TagKey = new(1, 128, @"[\p{L}\p{Z}\p{N}_.:/=+\-@]*");
    private static readonly MemberRule TagValue = new(0, 256, @"[\p{L}\p{Z}\p{N}_.:/=+\-@]*");
    private static readonly MemberRule JobNamespace = new(1, 64, "[a-zA-Z0-9_-]+");

    /// <summary>In the body or in the query; a dot leads into a structure.</summary>
    private static readonly Dictionary<string, string[]> NotOffered = new(StringComparer.Ordinal)
    {
        ["iot:CreateThing"] = ["billingGroupName"],
        ["iot:CreateThingType"] = ["thingTypeProperties.mqtt5Configuration"],
        ["iot:UpdateThingType"] = ["thingTypeProperties.mqtt5Configuration"],
        ["iot:CreateJob"] = ["namespaceId", "destinationPackageVersions", "documentParameters"],
        ["iot:CreateJobTemplate"] = ["destinationPackageVersions"],
        ["iot:ListJobs"] = ["thingGroupId"],
        ["iot:ListCACertificates"] = ["templateName"],
        ["iot:UpdateIndexingConfiguration"] = ["thingGroupIndexingConfiguration.managedFields", "thingGroupIndexingConfiguration.customFields"],
        ["greengrass:ListDeployments"] = ["parentTargetArn"],
        ["greengrass:ListCoreDevices"] = ["runtime"],
    };

    private static readonly string[] Flags =
        ["ascendingOrder", "isAscendingOrder", "recursive", "usePrefixAttributeValue", "beforeSubstitution", "setAsActive", "setAsDefault", "forceDelete", "force"];

    public static IEnumerable<ApiOperation> Checked(this IEnumerable<ApiOperation> operations) => operations.Select(operation => operation with
    {
        Handler = (request, cancellation) =>
        {
            try
            {
                Check(request);
            }
            catch (ConstraintException e) when (operation.Service == "greengrass")
            {
                throw new ApiException(e.Status, "ValidationException", e.Message);
            }

            return operation.Handler(request, cancellation);
        },
    });

    private static void Check(ApiRequest request)
    {
        var operation = request.Operation;
        foreach (var path in NotOffered.GetValueOrDefault($"{operation.Service}:{operation.Name}") ?? [])
        {
            if (request.Query.Contains(path) || IsGiven(request.Json, path.Split('.')))
                throw RequestMembers.Invalid($"This cloud does not offer {path}: leave it out.");
        }

        if (operation.Service == "iot")
            CheckIot(request);
        else if (operation.Service == "greengrass")
            request.QueryNumber("maxResults", 1, 100);
    }

    private static void CheckIot(ApiRequest request)
    {
        request.QueryNumber("maxResults", 1, 250);
        request.QueryNumber("pageSize", 1, 250);
        request.QueryText("namespaceId", JobNamespace);
        foreach (var flag in Flags)
            request.QueryFlag(flag);
        if (request.Operation.Name.StartsWith("Create", StringComparison.Ordinal) || request.Operation.Name == "RegisterCACertificate")
            CheckTags(request.Json.Array("iot", "tags") ?? []);
    }

    private static void CheckTags(JsonArray tags)
    {
        if (tags.Count > MostTags)
            throw RequestMembers.Invalid($"There are {tags.Count} tags; {MostTags} are the most.");
        foreach (var tag in tags)
        {
            var given = tag as JsonObject ?? throw RequestBody.Malformed("iot", "'tags' is not a list of structures.");
            _ = given.Text("iot", "Key", TagKey) ?? throw RequestMembers.Missing("key");
            given.Text("iot", "Value", TagValue);
        }
    }

    private static bool IsGiven(JsonNode? node, ReadOnlySpan<string> path) => path.IsEmpty
        ? node is not (null or JsonObject { Count: 0 } or JsonArray { Count: 0 })
        : node is JsonObject json && IsGiven(json[path[0]], path[1..]);
}
