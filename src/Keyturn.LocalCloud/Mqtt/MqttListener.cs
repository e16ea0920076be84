using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCloud.Mqtt;

internal delegate Task ServeStream(Stream stream, X509Certificate2 presented, EndPoint? remote, CancellationToken cancellation);

/// <summary>Takes TCP connections on the loopback, does the handshake, hands over. One bad peer is that peer's affair.</summary>
internal sealed class MqttListener(
    MqttBrokerOptions options, DeviceAuthentication authentication, ServeStream serve, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly List<SslApplicationProtocol> Protocols = [new("x-amzn-mqtt-ca"), new("mqtt")];

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<Task> _connections = [];
    private Task _accepting = Task.CompletedTask;

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public Task StartAsync()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, options.Port));
        _socket.Listen(1024);
        logger.MqttListening(Port);
        _accepting = AcceptAsync();
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Dispose();
        await _accepting;
        Task[] open;
        lock (_connections)
            open = [.. _connections];
        await Task.WhenAll(open);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var peer = await _socket.AcceptAsync(_stop.Token);
                var connection = Task.Run(() => HandleAsync(peer));
                lock (_connections)
                    _connections.Add(connection);
                _ = connection.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, most likely: some will be free soon.
                logger.AcceptFailed(e);
                await Task.Delay(TimeSpan.FromMilliseconds(100), time);
            }
        }
    }

    private void Forget(Task connection)
    {
        lock (_connections)
            _connections.Remove(connection);
    }

    private async Task HandleAsync(Socket peer)
    {
        EndPoint? remote = null;
        try
        {
            remote = peer.RemoteEndPoint;
            peer.NoDelay = true;
            if (options.Faults is { } faults)
                await faults.ThawedAsync(DeviceConnection.Plane, _stop.Token);
            await using var tls = new SslStream(new NetworkStream(peer, ownsSocket: true));
            using (var patience = new CancellationTokenSource(MqttLimits.Opening, time))
            using (var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stop.Token))
                await tls.AuthenticateAsServerAsync(Choose, null, either.Token);
            // Not disposed: a persistent session keeps it to answer policy variables after the connection is gone.
            var presented = X509CertificateLoader.LoadCertificate(tls.RemoteCertificate!.GetRawCertData());
            await serve(tls, presented, remote, _stop.Token);
        }
        catch (Exception e)
        {
            // A transport loop: whatever a peer does in its handshake ends here.
            logger.HandshakeFailed(remote, e.Message);
        }
        finally
        {
            peer.Dispose();
        }
    }

    private ValueTask<SslServerAuthenticationOptions> Choose(SslStream stream, SslClientHelloInfo hello, object? state, CancellationToken cancellation)
    {
        if (options.RequireServerName && hello.ServerName.Length == 0)
            throw new AuthenticationException("the client sent no server name (SNI); AWS IoT refuses such");
        return ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = options.ServerCertificate,
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = Protocols,
            AllowTlsResume = false,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = new X509ChainPolicy
            {
                DisableCertificateDownloads = true,
                RevocationMode = X509RevocationMode.NoCheck,
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                VerificationFlags = X509VerificationFlags.AllFlags,
            },
            RemoteCertificateValidationCallback = IsKnown,
        });
    }

    private bool IsKnown(object sender, X509Certificate? presented, X509Chain? chain, SslPolicyErrors errors)
    {
        if (presented is null)
            return false;
        using var certificate = X509CertificateLoader.LoadCertificate(presented.GetRawCertData());
        return authentication.Find(certificate, isNew: true) is not null;
    }
}
