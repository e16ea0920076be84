using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Lite;

/// <summary>A recipe as lite reads it: names are taken as they are written, phases are lower case, and each manifest has to name a runtime.</summary>
internal sealed record LiteRecipe(string Name, string Version, JsonObject DefaultConfiguration, string? RunScript)
{
    private const string Runtime = "aws_nucleus_lite";

    /// <exception cref="RecipeException">It is not a recipe, or not one for lite on this machine.</exception>
    public static LiteRecipe Load(string path)
    {
        try
        {
            var document = YamlText.Read(File.ReadAllText(path)) as JsonObject ?? throw new RecipeException($"{path} is not a recipe: it holds no mapping");
            var manifest = (document["Manifests"] as JsonArray)?.OfType<JsonObject>().FirstOrDefault(m => Fits(m["Platform"] as JsonObject))
                ?? throw new RecipeException($"{path} has no manifest for nucleus lite on {Recipe.Architecture()}: Platform has to name os linux and a runtime, \"*\" or {Runtime}");
            return new(
                Text(document, "ComponentName"), Text(document, "ComponentVersion"),
                document["ComponentConfiguration"]?[nameof(DefaultConfiguration)]?.DeepClone() as JsonObject ?? [],
                manifest["Lifecycle"]?["run"] switch { JsonObject step => step["Script"]?.ToString(), JsonValue script => script.ToString(), _ => null });
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new RecipeException($"the recipe {path} can't be read: {problem.Message}");
        }

        string Text(JsonObject document, string name) => document[name]?.ToString() ?? throw new RecipeException($"{path} has no {name}");
    }

    /// <summary>The script with its variables. Whatever stands in braces is one.</summary>
    /// <exception cref="RecipeException">What stands there is none.</exception>
    public string Expand(string script, LiteSettings settings)
    {
        var expanded = new RecipeVariables(settings.Root, settings.ThingName, Name, Version, null).Expand(script);
        return expanded.Contains('{', StringComparison.Ordinal) ? throw new RecipeException($"{Name}: '{expanded}' has a variable that lite does not know") : expanded;
    }

    private static bool Fits(JsonObject? platform) =>
        platform?["os"]?.ToString() is "linux" or "*" && platform["runtime"]?.ToString() is "*" or Runtime
        && (platform["architecture"]?.ToString() is null or "*" || platform["architecture"]!.ToString() == Recipe.Architecture());
}
