using System.Net.Security;

namespace Keyturn.LocalCloud.Mqtt;

internal sealed record MqttBrokerOptions(SslStreamCertificateContext ServerCertificate, CloudAccount Account)
{
    /// <summary>0: any free one.</summary>
    public int Port { get; init; } = 8883;

    /// <summary>AWS IoT refuses a handshake without server name indication.</summary>
    public bool RequireServerName { get; init; } = true;
}
