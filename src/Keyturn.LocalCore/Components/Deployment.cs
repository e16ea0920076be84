using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Tokens;

namespace Keyturn.LocalCore.Components;

/// <summary>
/// Puts one component on the core as a local deployment does, while no nucleus runs: artifacts in place, lifecycle and
/// configuration in the core's configuration, every other component gone but the nucleus and its way to a token.
/// </summary>
internal static class Deployment
{
    /// <param name="executable">Laid where the recipe's artifacts go; null when the recipe needs none.</param>
    /// <exception cref="RecipeException">The executable is missing.</exception>
    public static void Apply(string root, Recipe recipe, string? executable, TimeProvider time)
    {
        if (executable is not null)
            PlaceExecutable(root, recipe, executable);
        var (store, log) = TransactionLog.Open(root);
        using (log)
        {
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            foreach (var other in ((JsonObject?)store.Read("services") ?? []).Select(s => s.Key)
                .Where(s => s is not (NucleusSettings.Component or Pkcs11Provider.Component or "main") && !s.Equals(recipe.Name, StringComparison.OrdinalIgnoreCase)).ToList())
                store.Remove(["services", other], now);
            store.Merge(["services", "main"], new() { ["dependencies"] = new JsonArray(NucleusSettings.Component, recipe.Name) }, now);
            Install(root, store, recipe, now);
            TransactionLog.WriteEffective(root, store);
        }
    }

    /// <summary>The component's service in the configuration, as this recipe has it.</summary>
    public static void Install(string root, ConfigurationStore store, Recipe recipe, long now)
    {
        // A lifecycle belongs to its version as a whole.
        store.Remove(["services", recipe.Name, "lifecycle"], now);
        store.Merge(["services", recipe.Name], new()
        {
            ["componentType"] = "GENERIC",
            ["dependencies"] = new JsonArray(),
            ["lifecycle"] = recipe.Lifecycle.DeepClone(),
            ["version"] = recipe.Version,
        }, now);
        Configure(root, store, recipe, now);
        Directory.CreateDirectory(Path.GetDirectoryName(DefaultsOf(root, recipe.Name))!);
        File.WriteAllText(DefaultsOf(root, recipe.Name), Defaults(root, store, recipe).ToJsonString());
    }

    /// <summary>What the installed recipe's configuration is by default: a deployment can go back to it.</summary>
    public static JsonObject ReadDefaults(string root, string component) =>
        File.Exists(DefaultsOf(root, component)) ? JsonNode.Parse(File.ReadAllText(DefaultsOf(root, component)))!.AsObject() : [];

    public static string DefaultsOf(string root, string component) => Path.Combine(root, "packages", "recipes", component + ".defaults.json");

    private static JsonObject Defaults(string root, ConfigurationStore store, Recipe recipe)
    {
        var interpolate = store.ReadString("services", NucleusSettings.Component, "configuration", "interpolateComponentConfiguration");
        var variables = new RecipeVariables(root, new NucleusSettings(store, root).ThingName, recipe.Name, recipe.Version, store);
        return interpolate == "true" ? (JsonObject)variables.Expand(recipe.DefaultConfiguration)! : recipe.DefaultConfiguration;
    }

    /// <summary>Defaults don't override what was configured before, save accessControl, which follows the recipe.</summary>
    private static void Configure(string root, ConfigurationStore store, Recipe recipe, long now)
    {
        string[] path = ["services", recipe.Name, "configuration"];
        var defaults = Defaults(root, store, recipe);
        store.Remove([.. path, "accessControl"], now);
        store.Merge(path, Missing(defaults, store.Read(path) as JsonObject ?? []), now);
    }

    private static JsonObject Missing(JsonObject defaults, JsonObject present)
    {
        var result = new JsonObject();
        foreach (var (name, value) in defaults)
        {
            var existing = present.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (existing.Key is null)
                result[name] = value?.DeepClone();
            else if (value is JsonObject inner && existing.Value is JsonObject there)
                result[name] = Missing(inner, there);
        }
        return result;
    }

    public static void PlaceExecutable(string root, Recipe recipe, string executable)
    {
        if (!File.Exists(executable))
            throw new RecipeException($"the component's executable {executable} does not exist; build it, or name it with --component-executable");
        var paths = ArtifactPaths.Of(root, recipe.Name, recipe.Version);
        foreach (var directory in recipe.Artifacts.Select(a => a.DirectoryIn(paths)).DefaultIfEmpty(paths.Plain).Distinct())
        {
            Directory.CreateDirectory(directory);
            var target = Path.Combine(directory, Path.GetFileName(executable));
            // A running executable can't be written over, but it can be replaced.
            File.Copy(executable, target + "+", overwrite: true);
            Posix.Replace(target + "+", target);
        }
    }
}
