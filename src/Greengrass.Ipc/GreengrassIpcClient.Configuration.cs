using System.Text.Json;
using Greengrass.Ipc.Operations;
using Greengrass.Ipc.Rpc;

namespace Greengrass.Ipc;

public sealed partial class GreengrassIpcClient
{
    /// <summary>Reads a component's configuration.</summary>
    /// <param name="componentName">The component; null for the caller itself.</param>
    /// <param name="keyPath">The keys from the top of its configuration to what is wanted; null or empty for all of it.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>The object at that path. If a single value is there instead of an object, an object with the path's last key and that value.</returns>
    /// <exception cref="IpcServiceException"><c>ResourceNotFoundError</c>: there is no such component or key.</exception>
    public async Task<JsonElement> GetConfigurationAsync(
        string? componentName = null, IReadOnlyList<string>? keyPath = null, CancellationToken cancellationToken = default)
    {
        var response = await CallAsync(
            new RpcOperation("GetConfiguration"),
            new ConfigurationRequest(componentName, keyPath),
            WireContext.Instance.ConfigurationRequest,
            WireContext.Instance.GetConfigurationResponse,
            cancellationToken).ConfigureAwait(false);
        return response.Value;
    }

    /// <summary>Merges a value into this component's own configuration. Another component's can't be changed.</summary>
    /// <param name="keyPath">The keys from the top of the configuration to where the value belongs; null or empty for the top.</param>
    /// <param name="valueToMerge">The value; an object is merged key by key.</param>
    /// <param name="timestamp">When the value was decided: an older one than the nucleus holds is refused. Null for now.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>A task that completes when the nucleus has taken it.</returns>
    /// <exception cref="IpcServiceException"><c>ConflictError</c> or <c>FailedUpdateConditionCheckError</c>: a newer value is there.</exception>
    public Task UpdateConfigurationAsync(
        IReadOnlyList<string>? keyPath, JsonElement valueToMerge, DateTimeOffset? timestamp = null, CancellationToken cancellationToken = default)
    {
        if (valueToMerge.ValueKind == JsonValueKind.Undefined)
            throw new ArgumentException("There is no value to merge.", nameof(valueToMerge));
        return CallAsync(
            new RpcOperation("UpdateConfiguration"),
            new UpdateConfigurationRequest(keyPath, timestamp ?? options.TimeProvider.GetUtcNow(), valueToMerge),
            WireContext.Instance.UpdateConfigurationRequest,
            cancellationToken);
    }

    /// <summary>Asks to be told when a component's configuration has changed. The event says where; read what with <see cref="GetConfigurationAsync"/>.</summary>
    /// <param name="componentName">The component; null for the caller itself.</param>
    /// <param name="keyPath">The keys from the top to the part to watch; null or empty for all of it.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>The changes.</returns>
    public Task<IpcSubscription<ConfigurationUpdate>> SubscribeToConfigurationUpdateAsync(
        string? componentName = null, IReadOnlyList<string>? keyPath = null, CancellationToken cancellationToken = default) =>
        SubscribeAsync(
            new RpcOperation("SubscribeToConfigurationUpdate", "aws.greengrass#ConfigurationUpdateEvents"),
            new ConfigurationRequest(componentName, keyPath),
            WireContext.Instance.ConfigurationRequest,
            WireContext.Instance.ConfigurationUpdateEvents,
            wire => new ConfigurationUpdate(wire.ConfigurationUpdateEvent.ComponentName, wire.ConfigurationUpdateEvent.KeyPath),
            cancellationToken);

    /// <summary>
    /// Asks to be shown configurations that a deployment wants to set for this component, before it does. Answer each within 20 seconds with
    /// <see cref="SendConfigurationValidityReportAsync"/>; the deployment fails otherwise. Nothing has changed yet when the event comes. A component has
    /// one such subscription: closing any of several removes it.
    /// </summary>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>The proposals.</returns>
    /// <exception cref="IpcServiceException">Nucleus lite does not offer this: <c>ServiceError</c>.</exception>
    public Task<IpcSubscription<ConfigurationProposal>> SubscribeToValidateConfigurationUpdatesAsync(CancellationToken cancellationToken = default) =>
        SubscribeAsync(
            new RpcOperation("SubscribeToValidateConfigurationUpdates", "aws.greengrass#ValidateConfigurationUpdateEvents"),
            new EmptyRequest(),
            WireContext.Instance.EmptyRequest,
            WireContext.Instance.ValidateConfigurationUpdateEvents,
            wire => new ConfigurationProposal(wire.ValidateConfigurationUpdateEvent.DeploymentId, wire.ValidateConfigurationUpdateEvent.Configuration),
            cancellationToken);

    /// <summary>Accepts or rejects a proposed configuration. Rejecting fails the deployment, which then changes nothing.</summary>
    /// <param name="deploymentId">The deployment of the <see cref="ConfigurationProposal"/>.</param>
    /// <param name="validity">The verdict.</param>
    /// <param name="message">Why; shown with the failed deployment.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>A task that completes when the nucleus has taken it.</returns>
    public Task SendConfigurationValidityReportAsync(
        string deploymentId, ConfigurationValidity validity, string? message = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(deploymentId);
        var status = validity == ConfigurationValidity.Accepted ? "ACCEPTED" : "REJECTED";
        return CallAsync(
            new RpcOperation("SendConfigurationValidityReport"),
            new SendConfigurationValidityReportRequest(new ConfigurationValidityReport(status, deploymentId, message)),
            WireContext.Instance.SendConfigurationValidityReportRequest,
            cancellationToken);
    }

    /// <summary>
    /// Reads a setting of the <c>system</c> section of nucleus lite: <c>certificateFilePath</c>, <c>privateKeyPath</c>, <c>rootCaPath</c>,
    /// <c>thingName</c>, <c>rootPath</c>. A private operation of nucleus lite, which also tells it from classic.
    /// </summary>
    /// <param name="key">The setting.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>The setting.</returns>
    /// <exception cref="IpcServiceException">On nucleus classic, which does not know the operation; or there is no such setting.</exception>
    public async Task<string> GetSystemConfigAsync(string key, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        var response = await CallAsync(
            new RpcOperation("GetSystemConfig", Namespace: "aws.greengrass.private"),
            new SystemConfigRequest(key),
            WireContext.Instance.SystemConfigRequest,
            WireContext.Instance.SystemConfigResponse,
            cancellationToken).ConfigureAwait(false);
        return response.Value;
    }
}
