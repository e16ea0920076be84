using Greengrass.Ipc.Operations;
using Greengrass.Ipc.Rpc;

namespace Greengrass.Ipc;

public sealed partial class GreengrassIpcClient
{
    /// <summary>Tells the nucleus how this component is.</summary>
    /// <param name="state">The state.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>A task that completes when the nucleus has taken it.</returns>
    public Task UpdateStateAsync(ComponentState state, CancellationToken cancellationToken = default) => CallAsync(
        new RpcOperation("UpdateState"),
        new UpdateStateRequest(state == ComponentState.Running ? "RUNNING" : "ERRORED"),
        WireContext.Instance.UpdateStateRequest,
        cancellationToken);

    /// <summary>Asks to be told before and after deployments change components on this device.</summary>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>The announcements, each <see cref="PreComponentUpdate"/> to be answered.</returns>
    /// <exception cref="IpcServiceException">Nucleus lite does not offer this: <c>ServiceError</c>.</exception>
    public Task<IpcSubscription<ComponentUpdate>> SubscribeToComponentUpdatesAsync(CancellationToken cancellationToken = default) =>
        SubscribeAsync<EmptyRequest, ComponentUpdatePolicyEvents, ComponentUpdate>(
            new RpcOperation("SubscribeToComponentUpdates", "aws.greengrass#ComponentUpdatePolicyEvents"),
            new EmptyRequest(),
            WireContext.Instance.EmptyRequest,
            WireContext.Instance.ComponentUpdatePolicyEvents,
            wire => wire switch
            {
                { PreUpdateEvent: { } pre } => new PreComponentUpdate(pre.DeploymentId, pre.IsGgcRestarting),
                { PostUpdateEvent: { } post } => new PostComponentUpdate(post.DeploymentId),
                _ => null,
            },
            cancellationToken);

    /// <summary>Answers a <see cref="PreComponentUpdate"/>: wait, or go ahead.</summary>
    /// <param name="deploymentId">The deployment.</param>
    /// <param name="recheckAfter">How long to wait before asking again, in milliseconds on the wire; zero lets the deployment go ahead.</param>
    /// <param name="message">Why; for the nucleus's log.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>A task that completes when the nucleus has taken it.</returns>
    public Task DeferComponentUpdateAsync(
        string deploymentId, TimeSpan recheckAfter, string? message = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(deploymentId);
        ArgumentOutOfRangeException.ThrowIfLessThan(recheckAfter, TimeSpan.Zero);
        return CallAsync(
            new RpcOperation("DeferComponentUpdate"),
            new DeferComponentUpdateRequest(deploymentId, (long)Math.Ceiling(recheckAfter.TotalMilliseconds), message),
            WireContext.Instance.DeferComponentUpdateRequest,
            cancellationToken);
    }
}
