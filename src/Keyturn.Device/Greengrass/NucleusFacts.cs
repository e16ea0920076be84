using System.Globalization;
using System.Text.Json;
using Greengrass.Ipc;
using Keyturn.Device.Cloud;

namespace Keyturn.Device.Greengrass;

/// <summary>What the nucleus's configuration says about its own connection, asked for when it is needed: a deployment can change it.</summary>
internal sealed class NucleusFacts(GreengrassChannel channel, string? rootCaPath)
{
    private static readonly string[] Nuclei = ["aws.greengrass.Nucleus", "aws.greengrass.NucleusLite"];
    private const int DefaultPort = 8883;

    public async Task<DataEndpoint?> EndpointAsync(CancellationToken cancellation)
    {
        try
        {
            var nucleus = await ConfigurationAsync(cancellation).ConfigureAwait(false);
            return rootCaPath is not null && Text(nucleus, "iotDataEndpoint") is { Length: > 0 } host
                ? new DataEndpoint(host, Number(nucleus, "mqtt", "port") ?? DefaultPort, rootCaPath, Proxy(nucleus, host))
                : null;
        }
        catch (Exception e) when (e is GreengrassIpcException or TimeoutException)
        {
            return null;
        }
    }

    private async Task<JsonElement> ConfigurationAsync(CancellationToken cancellation)
    {
        foreach (var nucleus in Nuclei)
        {
            try
            {
                return await channel.Client.GetConfigurationAsync(nucleus, cancellationToken: cancellation).ConfigureAwait(false);
            }
            catch (IpcServiceException e) when (e.ErrorName == IpcErrorNames.ResourceNotFoundError)
            {
                // It is the other one.
            }
        }
        return default;
    }

    internal static Uri? Proxy(JsonElement nucleus, string host)
    {
        if (Text(nucleus, "networkProxy", "proxy", "url") is not { Length: > 0 } url || !Uri.TryCreate(url, UriKind.Absolute, out var proxy))
            return null;
        var direct = (Text(nucleus, "networkProxy", "noProxyAddresses") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (direct.Any(d => host == d || host.EndsWith("." + d.TrimStart('.'), StringComparison.Ordinal)))
            return null;
        var (user, password) = (Text(nucleus, "networkProxy", "proxy", "username"), Text(nucleus, "networkProxy", "proxy", "password"));
        return user is { Length: > 0 } && proxy.UserInfo.Length == 0
            ? new UriBuilder(proxy) { UserName = Uri.EscapeDataString(user), Password = Uri.EscapeDataString(password ?? "") }.Uri
            : proxy;
    }

    private static string? Text(JsonElement element, params ReadOnlySpan<string> path) =>
        Find(element, path) is { ValueKind: JsonValueKind.String } found ? found.GetString() : null;

    /// <summary>Deployments write numbers as text now and then.</summary>
    private static int? Number(JsonElement element, params ReadOnlySpan<string> path) => Find(element, path) switch
    {
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out var value) => value,
        { ValueKind: JsonValueKind.String } text when int.TryParse(text.GetString(), CultureInfo.InvariantCulture, out var value) => value,
        _ => null,
    };

    private static JsonElement? Find(JsonElement element, ReadOnlySpan<string> path)
    {
        foreach (var key in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(key, out element))
                return null;
        }
        return element;
    }
}
