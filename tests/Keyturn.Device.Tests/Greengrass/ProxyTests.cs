using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>The way of the pre-flight to the endpoint: as the nucleus is configured to go it.</summary>
public sealed class ProxyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly X509Certificate2 _server = CertificateAuthority.SelfSigned("localhost");
    private readonly X509Certificate2 _credential = CertificateAuthority.SelfSigned("pump1");
    private readonly TcpListener _endpoint = new(IPAddress.Loopback, 0), _proxy = new(IPAddress.Loopback, 0);
    private readonly TaskCompletionSource<string> _asked = new();
    private readonly string _rootCa;

    public ProxyTests()
    {
        _rootCa = _directory.Combine("rootCA.pem");
        File.WriteAllText(_rootCa, _server.ExportCertificatePem());
        _endpoint.Start();
        _proxy.Start();
    }

    public void Dispose()
    {
        _endpoint.Dispose();
        _proxy.Dispose();
        _server.Dispose();
        _credential.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Goes_through_the_proxy_with_its_credentials_and_shows_ours_to_the_endpoint_alone()
    {
        var serving = ServeAsync();
        _ = ProxyAsync("HTTP/1.1 200 Connection established\r\nX-Via: test\r\n\r\n");

        await using var stream = await Connect(new Uri($"http://gateway:p%40ss@127.0.0.1:{PortOf(_proxy)}"));

        Assert.Equal(_credential.Thumbprint, await serving);
        var asked = await _asked.Task;
        Assert.StartsWith($"CONNECT localhost:{PortOf(_endpoint)} HTTP/1.1\r\n", asked, StringComparison.Ordinal);
        Assert.Contains($"Proxy-Authorization: Basic {Convert.ToBase64String("gateway:p@ss"u8)}\r\n", asked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxy_that_refuses_is_quoted_and_its_password_is_not()
    {
        _ = ProxyAsync("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");

        var refused = await Assert.ThrowsAsync<IOException>(() => Connect(new Uri($"http://gateway:secret@127.0.0.1:{PortOf(_proxy)}")));

        Assert.Contains("407", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endpoint_of_another_authority_is_not_spoken_to()
    {
        using var other = CertificateAuthority.SelfSigned("localhost");
        await File.WriteAllTextAsync(_rootCa, other.ExportCertificatePem(), TestContext.Current.CancellationToken);
        _ = ServeAsync();

        await Assert.ThrowsAsync<AuthenticationException>(() => Connect(null));
    }

    [Theory]
    [InlineData("""{}""", null)]
    [InlineData("""{"networkProxy":{"proxy":{}}}""", null)]
    [InlineData("""{"networkProxy":{"proxy":{"url":"http://proxy.example:3128"}}}""", "http://proxy.example:3128/")]
    [InlineData("""{"networkProxy":{"proxy":{"url":"http://proxy.example:3128","username":"a b","password":"p@ss"}}}""", "http://a%20b:p%40ss@proxy.example:3128/")]
    [InlineData("""{"networkProxy":{"proxy":{"url":"http://u:p@proxy.example:3128","username":"x"}}}""", "http://u:p@proxy.example:3128/")]
    [InlineData("""{"networkProxy":{"noProxyAddresses":"other.example, data.example","proxy":{"url":"http://proxy.example:3128"}}}""", null)]
    [InlineData("""{"networkProxy":{"noProxyAddresses":".example","proxy":{"url":"http://proxy.example:3128"}}}""", null)]
    [InlineData("""{"networkProxy":{"noProxyAddresses":"ata.example","proxy":{"url":"http://proxy.example:3128"}}}""", "http://proxy.example:3128/")]
    public void The_nucleus_configuration_names_the_proxy(string nucleus, string? expected)
    {
        using var document = JsonDocument.Parse(nucleus);
        Assert.Equal(expected, NucleusFacts.Proxy(document.RootElement, "data.example")?.AbsoluteUri);
    }

    private async Task<Stream> Connect(Uri? proxy) => await new TlsConnection(new DataEndpoint("localhost", PortOf(_endpoint), _rootCa, proxy), new FileTlsIdentity(_credential))
        .ConnectAsync(new IPEndPoint(IPAddress.Loopback, 0), TestContext.Current.CancellationToken);

    /// <returns>The thumbprint of the client's certificate.</returns>
    private async Task<string?> ServeAsync()
    {
        using var client = await _endpoint.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown?.GetCertHashString() == _credential.GetCertHashString());
        await tls.AuthenticateAsServerAsync(_server, clientCertificateRequired: true, checkCertificateRevocation: false);
        return (tls.RemoteCertificate as X509Certificate2)?.Thumbprint;
    }

    private async Task ProxyAsync(string answer)
    {
        using var client = await _proxy.AcceptTcpClientAsync();
        var stream = client.GetStream();
        var asked = new StringBuilder();
        var one = new byte[1];
        while (!asked.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one) > 0)
            asked.Append((char)one[0]);
        _asked.TrySetResult(asked.ToString());
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        if (!answer.Contains(" 200 ", StringComparison.Ordinal))
            return;
        using var onward = new TcpClient();
        await onward.ConnectAsync(IPAddress.Loopback, PortOf(_endpoint));
        await Task.WhenAny(stream.CopyToAsync(onward.GetStream()), onward.GetStream().CopyToAsync(stream));
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;
}
