using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Components;

/// <summary>The recipe, or the directory it names, can't be used.</summary>
internal sealed class RecipeException(string message) : Exception(message);

/// <summary>A component's recipe as this core needs it: the first manifest whose platform fits this machine.</summary>
internal sealed record Recipe(string Name, string Version, JsonObject DefaultConfiguration, JsonObject Lifecycle, IReadOnlyList<Artifact> Artifacts)
{
    public const string Runtime = "aws_nucleus_classic";
    public const string DefaultComponent = "com.example.Component";

    /// <summary>What else must be installed: component and version requirement.</summary>
    public IReadOnlyDictionary<string, string> Dependencies { get; init; } = new Dictionary<string, string>();

    /// <exception cref="RecipeException">It is not a recipe, or not one for this machine.</exception>
    public static Recipe Load(string path)
    {
        try
        {
            if (YamlText.Read(File.ReadAllText(path)) is not JsonObject document)
                throw new RecipeException($"{path} is not a recipe: it holds no mapping");
            return Parse(Insensitive(document), path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new RecipeException($"the recipe {path} can't be read: {problem.Message}");
        }
    }

    /// <summary>What runs when a command is given and no recipe: it may use the Jobs and certificate topics of its own thing.</summary>
    public static Recipe ForCommand(string name) => new(name, "1.0.0",
        new JsonObject
        {
            ["accessControl"] = new JsonObject
            {
                ["aws.greengrass.ipc.mqttproxy"] = new JsonObject
                {
                    [name + ":mqttproxy:1"] = new JsonObject
                    {
                        ["policyDescription"] = "The topics of its own thing",
                        ["operations"] = new JsonArray("aws.greengrass#PublishToIoTCore", "aws.greengrass#SubscribeToIoTCore"),
                        ["resources"] = new JsonArray("$aws/things/{iot:thingName}/jobs/#", "awslabs/things/{iot:thingName}/certificate/#"),
                    },
                },
            },
        },
        [], []);

    /// <summary>The same component with another run command.</summary>
    public Recipe Running(string command)
    {
        var lifecycle = Insensitive(Lifecycle);
        lifecycle.Remove("startup");
        lifecycle["run"] = new JsonObject { ["script"] = command };
        return this with { Lifecycle = lifecycle };
    }

    private static Recipe Parse(JsonObject document, string path)
    {
        var name = Text(document, "ComponentName") ?? throw new RecipeException($"{path} has no ComponentName");
        var version = Text(document, "ComponentVersion") ?? throw new RecipeException($"{path} has no ComponentVersion");
        var configuration = Map(Map(document, "ComponentConfiguration"), "DefaultConfiguration");
        var manifests = (document["Manifests"] as JsonArray)?.OfType<JsonObject>().ToList() ?? [];
        var manifest = manifests.FirstOrDefault(m => Fits(Map(m, "Platform")));
        if (manifest is null && manifests.Count > 0)
            throw new RecipeException($"{path} has no manifest for linux on {Architecture()}");
        var lifecycle = Map(manifest, "Lifecycle") is { Count: > 0 } own ? own : Map(document, "Lifecycle");
        var artifacts = (manifest?[nameof(Artifacts)] as JsonArray)?.OfType<JsonObject>()
            .Select(a => new Artifact(Text(a, "URI") ?? throw new RecipeException($"{path}: an artifact has no URI"),
                string.Equals(Text(a, "Unarchive"), "ZIP", StringComparison.OrdinalIgnoreCase))
            {
                Digest = Text(a, "Digest"),
                MayBeExecuted = Text(Map(a, "Permission"), "Execute") is { } who && !who.Equals("NONE", StringComparison.OrdinalIgnoreCase),
            }).ToList() ?? [];
        var dependencies = Map(document, "ComponentDependencies").ToDictionary(d => d.Key, d => d.Value is JsonObject map ? Text(map, "VersionRequirement") ?? "*" : "*");
        return new(name, version, (JsonObject)configuration.DeepClone(), (JsonObject)lifecycle.DeepClone(), artifacts) { Dependencies = dependencies };
    }

    private static bool Fits(JsonObject platform) =>
        Matches(Text(platform, "os"), "linux")
        && Matches(Text(platform, "architecture"), Architecture())
        && Matches(Text(platform, "runtime"), Runtime);

    private static bool Matches(string? wanted, string actual) =>
        wanted is null or "*" or "all" || wanted.Equals(actual, StringComparison.OrdinalIgnoreCase);

    public static string Architecture() => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "aarch64",
        var other => other.ToString().ToLowerInvariant(),
    };

    private static string? Text(JsonObject map, string name) => map[name] is JsonValue value ? value.ToString() : null;

    private static JsonObject Map(JsonObject? map, string name) => map?[name] as JsonObject ?? [];

    /// <summary>The nucleus finds the names of a recipe without case.</summary>
    private static JsonObject Insensitive(JsonObject map)
    {
        var copy = new JsonObject(new JsonNodeOptions { PropertyNameCaseInsensitive = true });
        foreach (var (name, value) in map)
            copy[name] = Insensitive(value);
        return copy;
    }

    private static JsonNode? Insensitive(JsonNode? node) => node switch
    {
        JsonObject map => Insensitive(map),
        JsonArray list => new JsonArray([.. list.Select(Insensitive)]),
        _ => node?.DeepClone(),
    };
}

/// <summary>A file that a recipe brings to the device.</summary>
internal sealed record Artifact(string Location, bool Unarchive)
{
    /// <summary>SHA-256 in base64, as the cloud puts it into the recipes that it gives out.</summary>
    public string? Digest { get; init; }

    public bool MayBeExecuted { get; init; }

    /// <summary>The directory that the device would hold it in, below the component's artifact directories.</summary>
    public string DirectoryIn(ArtifactPaths paths) =>
        Unarchive ? Path.Combine(paths.Decompressed, Path.GetFileNameWithoutExtension(Location)) : paths.Plain;
}

/// <summary>Where a component version's artifacts lie under the Greengrass root.</summary>
internal sealed record ArtifactPaths(string Plain, string Decompressed)
{
    public static ArtifactPaths Of(string root, string component, string version) => new(
        Path.Combine(root, "packages", "artifacts", component, version),
        Path.Combine(root, "packages", "artifacts-unarchived", component, version));
}
