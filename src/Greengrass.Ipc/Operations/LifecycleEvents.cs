namespace Greengrass.Ipc;

/// <summary>A state that a component may report of itself.</summary>
public enum ComponentState
{
    /// <summary>It does its work.</summary>
    Running,

    /// <summary>It can't; the nucleus runs its recovery.</summary>
    Errored,
}

/// <summary>A deployment is about to change components on this device, or has: see the derived types.</summary>
/// <param name="DeploymentId">The deployment.</param>
public abstract record ComponentUpdate(string DeploymentId);

/// <summary>
/// A deployment wants to go on. Answer at once with <see cref="GreengrassIpcClient.DeferComponentUpdateAsync"/>, whatever the answer: silence holds up every
/// deployment.
/// </summary>
/// <param name="DeploymentId">The deployment, to be named in the answer.</param>
/// <param name="IsNucleusRestarting">Whether the nucleus will restart for it.</param>
public sealed record PreComponentUpdate(string DeploymentId, bool IsNucleusRestarting) : ComponentUpdate(DeploymentId);

/// <summary>The deployment has changed what it wanted to.</summary>
/// <param name="DeploymentId">The deployment.</param>
public sealed record PostComponentUpdate(string DeploymentId) : ComponentUpdate(DeploymentId);
