namespace Keyturn.Device.Cloud;

/// <summary>Where the nucleus connects to, and how.</summary>
/// <param name="RootCaPath">The only authorities that the endpoint's certificate may come from.</param>
/// <param name="Proxy">An HTTP proxy that tunnels the connection, if the nucleus is configured with one.</param>
internal sealed record DataEndpoint(string Host, int Port, string RootCaPath, Uri? Proxy = null)
{
    /// <summary>Port 443 serves more than one protocol: AWS IoT tells MQTT by its name in the handshake.</summary>
    public string? ApplicationProtocol => Port == 443 ? "x-amzn-mqtt-ca" : null;
}
