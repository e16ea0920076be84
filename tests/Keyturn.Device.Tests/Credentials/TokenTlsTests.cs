using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>The token signs, and a server that knows nothing of tokens is content, or says why not.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class TokenTlsTests : IDisposable
{
    private readonly CertificateAuthority _ca = new();
    private readonly X509Certificate2 _server;

    public TokenTlsTests()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=endpoint", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        _server = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    public void Dispose()
    {
        _server.Dispose();
        _ca.Dispose();
    }

    public static TheoryData<string, string, SslProtocols> Works
    {
        get
        {
            var all = new TheoryData<string, string, SslProtocols>();
            foreach (var protocol in (SslProtocols[])[SslProtocols.Tls12, SslProtocols.Tls13])
            {
                foreach (var key in (string[])["RSA-2048", "RSA-3072", "ECDSA-P256", "ECDSA-P384", "ECDSA-P521"])
                    all.Add("softhsm", key, protocol);
                foreach (var key in (string[])["RSA-2048", "ECDSA-P256"])
                    all.Add("tpm", key, protocol);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Works))]
    public async Task A_server_is_shown_the_certificate_and_talked_to_both_ways_at_once(string kind, string algorithm, SslProtocols protocol)
    {
        using TestToken token = kind == "softhsm" ? new SoftHsm() : new Tpm();
        token.Provision(_ca, KeyAlgorithm.Find(algorithm)!);
        var store = token.Store();
        using var identity = store.OpenForTls(store.InUse!);
        using var listener = Listen();
        var serving = ServeAsync(listener, protocol);

        await using var stream = await ConnectAsync(listener, identity, _server);
        // A read that waits must not hold up a write.
        var echo = new byte[100_000];
        var reading = stream.ReadExactlyAsync(echo, TestContext.Current.CancellationToken).AsTask();
        var sent = RandomNumberGenerator.GetBytes(echo.Length);
        await stream.WriteAsync(sent, TestContext.Current.CancellationToken);
        await reading;

        Assert.Equal(sent, echo);
        Assert.Equal(identity.Certificate.Thumbprint, await serving);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task A_refused_certificate_is_known_by_its_alert_every_time(SslProtocols protocol)
    {
        using var token = SoftHsm.WithCredential();
        var store = token.Store();
        using var identity = store.OpenForTls(store.InUse!);
        using var server = new RefusingServer(token, _server, protocol);
        for (var round = 0; round < 10; round++)
        {
            var refusal = await Assert.ThrowsAsync<AuthenticationException>(async () =>
            {
                await using var stream = await ConnectAsync(server.EndPoint, identity, _server);
                // With TLS 1.3 the handshake is over on this side before the other one has looked at the certificate.
                await stream.WriteAsync("CONNECT"u8.ToArray(), TestContext.Current.CancellationToken);
                await stream.ReadExactlyAsync(new byte[1], TestContext.Current.CancellationToken);
            });
            Assert.StartsWith("the endpoint refused the certificate: ", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("elsewhere", false)]
    public async Task An_endpoint_of_another_authority_or_name_is_not_talked_to(string host, bool isStranger)
    {
        using var token = SoftHsm.WithCredential();
        var store = token.Store();
        using var identity = store.OpenForTls(store.InUse!);
        using var listener = Listen();
        var serving = ServeAsync(listener, SslProtocols.Tls13);
        using var other = _ca.Certify(new PublicKey(RSA.Create(2048)));

        var refusal = await Assert.ThrowsAsync<AuthenticationException>(() => ConnectAsync(listener, identity, isStranger ? other : _server, host));

        Assert.Contains("does not come from the nucleus's root CA, or is for another host", refusal.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => serving);
    }

    [Fact]
    public async Task A_key_that_is_gone_is_told_from_a_refusal()
    {
        using var token = SoftHsm.WithCredential();
        var store = token.Store();
        using var identity = store.OpenForTls(store.InUse!);
        token.Pkcs11Tool("--delete-object", "--type", "privkey", "--label", TestToken.Label);
        using var listener = Listen();
        var serving = ServeAsync(listener, SslProtocols.Tls13);
        var failure = await Assert.ThrowsAnyAsync<IOException>(() => ConnectAsync(listener, identity, _server));
        Assert.Contains("is not in the token", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => serving);
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static Task<Stream> ConnectAsync(TcpListener listener, TlsIdentity identity, X509Certificate2 root, string host = "localhost") =>
        ConnectAsync(listener.LocalEndpoint, identity, root, host);

    private static async Task<Stream> ConnectAsync(EndPoint endpoint, TlsIdentity identity, X509Certificate2 root, string host = "localhost")
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endpoint, TestContext.Current.CancellationToken);
        return await identity.AuthenticateAsync(new NetworkStream(socket, ownsSocket: true), new TlsTarget(host, [root], null), TestContext.Current.CancellationToken);
    }

    /// <summary>OpenSSL's own server, which knows no authority of the client's and says so by its alert.</summary>
    private sealed class RefusingServer : IDisposable
    {
        private readonly Process _process;

        public RefusingServer(TestToken token, X509Certificate2 certificate, SslProtocols protocol)
        {
            var (chain, key) = (token.Combine("server.pem"), token.Combine("server.key"));
            File.WriteAllText(chain, certificate.ExportCertificatePem());
            File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            _process = Process.Start(new ProcessStartInfo(
                "openssl", ["s_server", "-accept", "127.0.0.1:0", "-cert", chain, "-key", key, "-Verify", "1", "-verify_return_error", "-CAfile", chain, protocol == SslProtocols.Tls13 ? "-tls1_3" : "-tls1_2"])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            _process.ErrorDataReceived += (_, _) => { };
            _process.BeginErrorReadLine();
            string? line;
            do
            {
                line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("openssl s_server did not start");
            }
            while (!line.StartsWith("ACCEPT ", StringComparison.Ordinal));
            EndPoint = IPEndPoint.Parse(line["ACCEPT ".Length..]);
            _ = _process.StandardOutput.ReadToEndAsync();
        }

        public IPEndPoint EndPoint { get; }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }

    /// <summary>Echoes what it gets. Returns the thumbprint that it was shown.</summary>
    private async Task<string?> ServeAsync(TcpListener listener, SslProtocols protocol)
    {
        using var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await using var tls = new SslStream(new NetworkStream(socket), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificate = _server, ClientCertificateRequired = true, EnabledSslProtocols = protocol, AllowRenegotiation = false },
            TestContext.Current.CancellationToken);
        var shown = (tls.RemoteCertificate as X509Certificate2)?.Thumbprint;
        var buffer = new byte[4096];
        for (var left = 100_000; left > 0;)
        {
            var count = await tls.ReadAsync(buffer, TestContext.Current.CancellationToken);
            if (count == 0)
                break;
            await tls.WriteAsync(buffer.AsMemory(0, count), TestContext.Current.CancellationToken);
            left -= count;
        }
        return shown;
    }
}
