using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using MQTTnet;
using MQTTnet.Exceptions;

namespace Keyturn.LocalCore.Mqtt;

/// <summary>What both nuclei's connections have in common: mutual TLS with the device's identity, and how its end shows.</summary>
internal static class MqttTransport
{
    public static MqttClientOptionsBuilder WithIdentity(this MqttClientOptionsBuilder options, DeviceCredential identity, string host) => options.WithTlsOptions(tls => tls
        .UseTls()
        .WithTargetHost(host)
        .WithClientCertificates(identity.Chain)
        .WithTrustChain(identity.RootCas)
        .WithRevocationMode(X509RevocationMode.NoCheck));

    public static bool IsTrouble(Exception problem) =>
        problem is MqttCommunicationException or MqttProtocolViolationException or IOException or SocketException
            or AuthenticationException or OperationCanceledException or InvalidOperationException;
}
