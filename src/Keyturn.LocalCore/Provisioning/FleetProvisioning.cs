using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Provisioning;

/// <summary>
/// The fleet provisioning plugin, as far as the configuration shows it: the nucleus writes its effective configuration at load, with empty paths, and the
/// plugin sets them afterwards. Until the next start they are in <c>config.tlog</c> alone.
/// </summary>
internal static class FleetProvisioning
{
    private static readonly string[] Members = ["certificateFilePath", "privateKeyPath", "rootCaPath", "thingName"];

    /// <summary>Takes what the plugin will set out of the configuration, and lays it by.</summary>
    public static void Leave(string root, JsonObject configuration)
    {
        var system = configuration["system"]!.AsObject();
        var later = new JsonObject(Members.Select(m => KeyValuePair.Create(m, system[m]?.DeepClone())));
        foreach (var member in Members)
            system[member] = "";
        File.WriteAllText(PathIn(root), later.ToJsonString());
    }

    public static void Finish(string root, ConfigurationStore store, TimeProvider time)
    {
        if (!File.Exists(PathIn(root)))
            return;
        store.Merge(["system"], JsonNode.Parse(File.ReadAllText(PathIn(root)))!.AsObject(), time.GetUtcNow().ToUnixTimeMilliseconds());
        File.Delete(PathIn(root));
    }

    private static string PathIn(string root) => Path.Combine(root, "plugins", "fleet-provisioning.json");
}
