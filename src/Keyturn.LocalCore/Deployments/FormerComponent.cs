using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Deployments;

/// <summary>A component as it stood before a deployment, to be brought back.</summary>
/// <param name="Service">Its lifecycle, version and configuration; null when it was not there.</param>
internal sealed record FormerComponent(string Name, JsonObject? Service, JsonObject Defaults)
{
    public static IReadOnlyList<FormerComponent> Of(string root, ConfigurationStore store, IEnumerable<string> names) =>
        [.. names.Distinct(StringComparer.OrdinalIgnoreCase).Select(n => new FormerComponent(n, store.Read("services", n) as JsonObject, Deployment.ReadDefaults(root, n)))];

    public void RestoreDefaults(string root)
    {
        if (Defaults.Count > 0)
            File.WriteAllText(Deployment.DefaultsOf(root, Name), Defaults.ToJsonString());
    }
}
