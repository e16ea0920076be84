using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>The service's exceptions with the members that its model gives them.</summary>
internal static class GreengrassErrors
{
    public static ApiException Invalid(string message) => new(400, "ValidationException", message, new() { ["reason"] = "OTHER" });

    public static ApiException NotFound(string type, string id) =>
        new(404, "ResourceNotFoundException", $"The {type} {id} does not exist.", Resource(type, id));

    public static ApiException Conflict(string message, string type, string id) => new(409, "ConflictException", message, Resource(type, id));

    private static JsonObject Resource(string type, string id) => new() { ["resourceId"] = id, ["resourceType"] = type };
}
