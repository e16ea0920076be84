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
}
