using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Device.Credentials;
using MQTTnet.Channel;

namespace Keyturn.Device.Cloud;

/// <summary>A TLS stream to the endpoint with one credential, through the proxy if there is one. The endpoint must come from the nucleus's root CA.</summary>
internal sealed class TlsConnection(DataEndpoint endpoint, TlsIdentity identity) : IMqttClientStreamProvider
{
    private const int LongestProxyAnswer = 8192;

    /// <summary>The endpoint answered at all, so that a failure after it is not the network's.</summary>
    public bool WasReached { get; private set; }

    public async Task<Stream> ConnectAsync(EndPoint target, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            var (host, port) = endpoint.Proxy is { } proxy ? (proxy.Host, proxy.Port) : (endpoint.Host, endpoint.Port);
            await socket.ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
            var stream = new NetworkStream(socket, ownsSocket: true);
            if (endpoint.Proxy is not null)
                await TunnelAsync(stream, cancellationToken).ConfigureAwait(false);
            WasReached = true;
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(endpoint.RootCaPath);
            return await identity.AuthenticateAsync(stream, new TlsTarget(endpoint.Host, roots, endpoint.ApplicationProtocol), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task TunnelAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var authority = $"{endpoint.Host}:{endpoint.Port}";
        var credentials = endpoint.Proxy!.UserInfo is { Length: > 0 } user
            ? $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(user)))}\r\n"
            : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credentials}\r\n"), cancellation).ConfigureAwait(false);
        var answer = new StringBuilder();
        var one = new byte[1];
        // Byte by byte: what follows the empty line belongs to TLS.
        while (!answer.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (answer.Length > LongestProxyAnswer || await stream.ReadAsync(one, cancellation).ConfigureAwait(false) == 0)
                throw new IOException("the proxy closed the connection");
            answer.Append((char)one[0]);
        }
        if (answer.ToString().Split(' ') is not [_, ['2', _, _], ..])
            throw new IOException($"the proxy answered {answer.ToString().Split('\r')[0]}");
    }
}
