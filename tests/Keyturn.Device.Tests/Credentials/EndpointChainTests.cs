using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Device.Credentials;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>What an endpoint that is not trusted yet can make the device do.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class EndpointChainTests : IDisposable
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1), Until = DateTimeOffset.UtcNow.AddDays(1);

    private readonly CertificateAuthority _ca = new();
    private readonly TcpListener _elsewhere = Listen();

    public void Dispose()
    {
        _elsewhere.Dispose();
        _ca.Dispose();
    }

    /// <summary>The nucleus does not either; and the endpoint chooses the address.</summary>
    [Theory]
    [InlineData("file")]
    [InlineData("pkcs11")]
    public async Task A_certificate_that_is_missing_in_an_endpoints_chain_is_fetched_from_nowhere(string store)
    {
        using var token = store == "pkcs11" ? SoftHsm.WithCredential() : null;
        using var identity = token is null ? OfFile() : token.Store().OpenForTls(token.Store().InUse!);
        var (root, server) = Chain($"http://127.0.0.1:{((IPEndPoint)_elsewhere.LocalEndpoint).Port}/issuer.cer");
        using var listener = Listen();
        var asked = _elsewhere.AcceptSocketAsync(TestContext.Current.CancellationToken).AsTask();
        var serving = ServeAsync(listener, server);

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<AuthenticationException>(() =>
            identity.AuthenticateAsync(new NetworkStream(socket, ownsSocket: true), new TlsTarget("localhost", [root], null), TestContext.Current.CancellationToken));

        Assert.False(asked.IsCompleted);
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private FileTlsIdentity OfFile()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = _ca.Certify(new PublicKey(key));
        return new FileTlsIdentity(certificate.CopyWithPrivateKey(key));
    }

    /// <summary>Root, issuer, server: the server names an address of its issuer's certificate.</summary>
    private static (X509Certificate2 Root, X509Certificate2 Server) Chain(string address)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var root = Authority("CN=root", rootKey).CreateSelfSigned(From, Until);
        using var issued = Authority("CN=issuer", issuerKey).Create(root, From, Until, [1, 1]);
        using var issuer = issued.CopyWithPrivateKey(issuerKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=endpoint", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(null, [address]));
        using var server = request.Create(issuer, From, Until, [1, 2]);
        return (root, server.CopyWithPrivateKey(key));
    }

    private static CertificateRequest Authority(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    private static async Task ServeAsync(TcpListener listener, X509Certificate2 server)
    {
        using var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await using var tls = new SslStream(new NetworkStream(socket));
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(server, null, offline: true), ClientCertificateRequired = true },
            TestContext.Current.CancellationToken);
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }
}
