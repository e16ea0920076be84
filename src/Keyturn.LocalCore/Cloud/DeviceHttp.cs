using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Mqtt;

namespace Keyturn.LocalCore.Cloud;

/// <summary>HTTPS with the core's root CA, and with its certificate as it stands on disk at that moment.</summary>
internal static class DeviceHttp
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <exception cref="CredentialException">The files make no identity.</exception>
    public static HttpClient AsDevice(NucleusSettings settings)
    {
        var credential = DeviceCredential.Load(settings);
        return Client(credential, handler => handler.SslOptions.ClientCertificates = credential.Chain);
    }

    /// <summary>For requests that are signed with other credentials.</summary>
    public static HttpClient Anonymous(NucleusSettings settings) => Client(DeviceCredential.Load(settings), _ => { });

    private static HttpClient Client(DeviceCredential credential, Action<SocketsHttpHandler> identify)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(credential.RootCas);
        var handler = new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
        identify(handler);
        return new HttpClient(handler) { Timeout = Patience };
    }
}
