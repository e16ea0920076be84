using System.Text.Json;

namespace Greengrass.Ipc;

/// <summary>A component's configuration has changed.</summary>
/// <param name="ComponentName">Whose configuration.</param>
/// <param name="KeyPath">The keys from the top to what changed.</param>
public sealed record ConfigurationUpdate(string ComponentName, IReadOnlyList<string> KeyPath);

/// <summary>A configuration that a deployment proposes. It does not apply yet, and may never.</summary>
/// <param name="DeploymentId">The deployment, to be named in the answer.</param>
/// <param name="Configuration">The whole configuration as it would be; undefined if the nucleus sent none.</param>
public sealed record ConfigurationProposal(string DeploymentId, JsonElement Configuration);

/// <summary>The verdict on a <see cref="ConfigurationProposal"/>.</summary>
public enum ConfigurationValidity
{
    /// <summary>The component can work with it.</summary>
    Accepted,

    /// <summary>The component can't; the deployment fails and nothing changes.</summary>
    Rejected,
}
