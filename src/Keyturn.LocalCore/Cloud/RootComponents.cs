using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Cloud;

/// <summary>
/// Which components each target's last deployment named, as classic keeps it in its configuration. What nobody names any more goes; what was installed
/// by other means than a deployment of the cloud is in no list, and stays.
/// </summary>
internal sealed class RootComponents(ConfigurationStore store)
{
    private static readonly string[] Place = ["services", "DeploymentService", "GroupToRootComponents"];

    /// <summary>Component and version, by target.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> All => (store.Read(Place) as JsonObject ?? []).ToDictionary(
        g => g.Key,
        IReadOnlyDictionary<string, string> (g) => (g.Value as JsonObject ?? []).ToDictionary(c => c.Key, c => c.Value?["version"]?.ToString() ?? "", StringComparer.OrdinalIgnoreCase));

    public bool Contains(string component) => All.Values.Any(g => g.ContainsKey(component));

    public void Set(FleetDeployment deployment, long now)
    {
        store.Remove([.. Place, deployment.Target], now);
        store.Merge([.. Place, deployment.Target], new JsonObject(deployment.Components.Select(c => KeyValuePair.Create(c.Name, (JsonNode?)new JsonObject
        {
            ["groupConfigArn"] = deployment.ConfigurationArn, ["version"] = c.Version,
        }))), now);
    }

    public void Forget(string target, long now) => store.Remove([.. Place, target], now);
}
