using System.Net.Security;

namespace Keyturn.LocalCloud.Mqtt;

internal sealed record MqttBrokerOptions(SslStreamCertificateContext ServerCertificate, CloudAccount Account)
{
    /// <summary>0: any free one.</summary>
    public int Port { get; init; } = 8883;

    /// <summary>AWS IoT refuses a handshake without server name indication.</summary>
    public bool RequireServerName { get; init; } = true;

    /// <summary>Null: messages come once, in order, at once.</summary>
    public IBrokerFaults? Faults { get; init; }

    /// <summary>Published a second by one connection; what is more is not taken. </summary>
    public int PublishesPerSecond { get; init; } = MqttLimits.PublishesPerSecond;

    /// <summary>CONNECTs a second of the account; what is more is refused. Null: no limit. AWS IoT's is 500.</summary>
    public int? ConnectsPerSecond { get; init; }

    /// <summary>CONNECTs a second with one client id. Null: no limit. AWS IoT's is 1.</summary>
    public int? ConnectsPerSecondOfClient { get; init; }
}
