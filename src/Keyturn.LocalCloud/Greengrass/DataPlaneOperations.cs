using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>
/// What core devices ask, with their certificates: which version and recipe a name means, and where an artifact lies. The
/// artifacts themselves come from S3, with the credentials of the token exchange role.
/// </summary>
internal sealed class DataPlaneOperations(ComponentStore store, IDeviceDirectory directory, TimeProvider time)
{
    private static readonly string AnyComponent = ComponentStore.ArnOf("*");

    public IEnumerable<ApiOperation> All => ((IEnumerable<ApiOperation>)[
        new("greengrass", "ResolveComponentCandidates", "POST", "/greengrass/v2/resolveComponentCandidates", Answer(Resolve)),
        new("greengrass", "ListThingGroupsForCoreDevice", "GET", "/greengrass/v2/coreDevices/{coreDeviceThingName}/thingGroups", Answer(ListGroups)),
    ]).Saying("ValidationException");

    private ApiHandler Answer(Func<ApiRequest, JsonObject> answer) => (request, _) =>
    {
        lock (store.Gate)
            return ValueTask.FromResult(new ApiResponse(Json: answer(request)));
    };

    private JsonObject Resolve(ApiRequest request)
    {
        DeviceAccess.Authorize(request, AnyComponent, directory, time);
        var platform = request.Object("platform")?.Object("greengrass", "attributes") ?? throw RequestMembers.Missing("platform");
        var candidates = request.Json.Array("greengrass", "componentCandidates") ?? throw RequestMembers.Missing("componentCandidates");
        return new JsonObject { ["resolvedComponentVersions"] = new JsonArray([.. candidates.Select(c => Resolve(c as JsonObject, platform))]) };
    }

    private JsonObject Resolve(JsonObject? candidate, JsonObject platform)
    {
        var name = candidate?.Text("greengrass", "componentName") ?? throw RequestMembers.Missing("componentName");
        var wanted = candidate.Text("greengrass", "componentVersion");
        var requirements = (candidate.Object("greengrass", "versionRequirements") ?? []).Select(r =>
            r.Value?.GetValueKind() == JsonValueKind.String && VersionRequirement.TryParse(r.Value.GetValue<string>()) is { } requirement
                ? requirement
                : throw GreengrassErrors.Invalid($"The version requirement of {r.Key} on {name} can't be read.")).ToList();
        var found = (store.Components.GetValueOrDefault(name)?.Values ?? Enumerable.Empty<ComponentVersion>()).Reverse()
            .FirstOrDefault(v => (wanted is null || v.Recipe.Version.Text == wanted) && requirements.TrueForAll(r => r.IsMetBy(v.Recipe.Version)) && IsFor(v.Recipe, platform))
            ?? throw GreengrassErrors.NotFound("COMPONENT", name);
        return new JsonObject
        {
            ["arn"] = found.Arn, ["componentName"] = name, ["componentVersion"] = found.Recipe.Version.Text,
            ["recipe"] = Convert.ToBase64String(RecipeText.Json(found.Recipe.Document)), ["vendorGuidance"] = "ACTIVE",
        };
    }

    private static bool IsFor(ComponentRecipe recipe, JsonObject device)
    {
        var platforms = recipe.Manifests.Select(m => ComponentRecipe.Member(m, "Platform") as JsonObject ?? []).ToList();
        return platforms.Count == 0 || platforms.Exists(platform => platform.All(p => Fits(p.Value, ComponentRecipe.Member(device, p.Key))));
    }

    private static bool Fits(JsonNode? wanted, JsonNode? actual) =>
        wanted?.ToString() is null or "*" or "all" || string.Equals(wanted.ToString(), actual?.ToString(), StringComparison.OrdinalIgnoreCase);

    private JsonObject ListGroups(ApiRequest request)
    {
        var thing = request.Label("coreDeviceThingName", Names.Thing);
        if (DeviceAccess.Authorize(request, CloudAccount.Local.Arn("greengrass", $"coreDevices:{thing}"), directory, time) is { } asking && asking != thing)
            throw new ApiException(403, "AccessDeniedException", $"{asking} may not ask for the groups of {thing}.");
        if (directory.FindThing(thing) is null)
            throw GreengrassErrors.NotFound("CORE_DEVICE", thing);
        return request.Page("thingGroups", directory.GroupsOfThing(thing), g => g, g => new JsonObject
        {
            ["thingGroupName"] = g, ["thingGroupArn"] = CloudAccount.Local.Arn("iot", $"thinggroup/{g}"), ["rootToParentThingGroups"] = new JsonArray(),
        }, 100);
    }
}
