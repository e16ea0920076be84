using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Cloud;

/// <summary>The cloud refused a request for good; the message is for the deployment's report.</summary>
internal sealed class CloudRefusalException(string message) : Exception(message);

/// <summary>What a core asks Greengrass with its certificate.</summary>
internal sealed class GreengrassDataPlane(NucleusSettings settings)
{
    private const int Pages = 100;

    /// <summary>The recipe that a name means on this platform, with its artifacts' digests.</summary>
    /// <exception cref="CloudRefusalException">There is none, or this core may not ask.</exception>
    public async Task<string> ResolveAsync(string component, string requirement, string requiredBy, CancellationToken cancellation)
    {
        using var http = DeviceHttp.AsDevice(settings);
        var request = new JsonObject
        {
            ["platform"] = new JsonObject
            {
                ["attributes"] = new JsonObject { ["os"] = "linux", ["architecture"] = Recipe.Architecture(), ["runtime"] = Recipe.Runtime },
            },
            ["componentCandidates"] = new JsonArray(new JsonObject { ["componentName"] = component, ["versionRequirements"] = new JsonObject { [requiredBy] = requirement } }),
        };
        using var answer = await http.PostAsJsonAsync(At("/greengrass/v2/resolveComponentCandidates"), request, cancellation).ConfigureAwait(false);
        var json = await ReadAsync(answer, $"version {requirement} of {component} can't be had", cancellation).ConfigureAwait(false);
        return json["resolvedComponentVersions"] is JsonArray and [JsonObject resolved, ..] && resolved["recipe"]?.GetValue<string>() is { } recipe
            ? System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(recipe))
            : throw new CloudRefusalException($"Greengrass resolved {component} {requirement} to nothing");
    }

    /// <summary>The groups that this core is in now.</summary>
    public async Task<IReadOnlyList<string>> GroupsAsync(CancellationToken cancellation)
    {
        using var http = DeviceHttp.AsDevice(settings);
        List<string> groups = [];
        var next = "";
        for (var page = 0; page < Pages; page++)
        {
            using var answer = await http.GetAsync(At($"/greengrass/v2/coreDevices/{settings.ThingName}/thingGroups{next}"), cancellation).ConfigureAwait(false);
            var json = await ReadAsync(answer, "the core's thing groups can't be read", cancellation).ConfigureAwait(false);
            groups.AddRange((json["thingGroups"] as JsonArray ?? []).Select(g => g!["thingGroupName"]!.GetValue<string>()));
            if (json["nextToken"]?.GetValue<string>() is not { Length: > 0 } token)
                break;
            next = "?nextToken=" + Uri.EscapeDataString(token);
        }
        return groups;
    }

    private Uri At(string path) => new($"https://{settings.DataPlaneEndpoint}{path}");

    /// <summary>What may be otherwise a moment later stays an <see cref="HttpRequestException"/>.</summary>
    public static async Task<JsonObject> ReadAsync(HttpResponseMessage answer, string what, CancellationToken cancellation)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
        if ((int)answer.StatusCode is >= 500 or 429)
            throw new HttpRequestException($"{what}: HTTP {(int)answer.StatusCode}");
        JsonObject? json;
        try
        {
            json = JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            json = null;
        }
        return answer.IsSuccessStatusCode && json is not null ? json : throw new CloudRefusalException($"{what}: {json?["message"]?.ToString() ?? $"HTTP {(int)answer.StatusCode}"}");
    }
}
