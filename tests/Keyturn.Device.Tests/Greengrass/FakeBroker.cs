using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>As much of AWS IoT as a probe sees of it, over real TLS: what a connection and its subscriptions take, and whatever comes until the end.</summary>
internal sealed class FakeBroker : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly X509Certificate2 _server = CertificateAuthority.SelfSigned("localhost");
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public FakeBroker()
    {
        File.WriteAllText(_directory.Combine("rootCA.pem"), _server.ExportCertificatePem());
        _listener.Start();
        Endpoint = new DataEndpoint("localhost", ((IPEndPoint)_listener.LocalEndpoint).Port, _directory.Combine("rootCA.pem"), null);
        _ = ServeAsync();
    }

    public DataEndpoint Endpoint { get; }

    /// <summary>The credentials <c>old</c> and <c>new</c>, whose certificates have these names.</summary>
    public ICredentialStore Store { get; } = new TwoCredentials();

    public ConcurrentQueue<(string Credential, string ClientId)> Asked { get; } = new();

    public Func<string, string, bool> Accepts { get; set; } = (_, _) => true;

    /// <summary>Told of each packet before it is answered, and whether it is.</summary>
    public Func<MqttPacket, bool> Answers { get; set; } = _ => true;

    public void Stop() => _listener.Stop();

    public void Dispose()
    {
        _listener.Dispose();
        _server.Dispose();
        _directory.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
                _ = AnswerAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using var _ = client;
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown?.Subject is "CN=old" or "CN=new");
        await tls.AuthenticateAsServerAsync(_server, clientCertificateRequired: true, checkCertificateRevocation: false);
        var credential = tls.RemoteCertificate!.Subject["CN=".Length..];
        while (await ReadAsync(tls) is var (packet, body))
        {
            if (!Answers(packet))
                continue;
            if (packet == MqttPacket.Connect)
            {
                // A variable header of ten bytes, then the client id with its length.
                var id = Encoding.UTF8.GetString(body, 12, body[10] << 8 | body[11]);
                Asked.Enqueue((credential, id));
                await tls.WriteAsync(new byte[] { 0x20, 2, 0, (byte)(Accepts(credential, id) ? 0 : 5) });
            }
            else if (packet == MqttPacket.Subscribe)
            {
                await tls.WriteAsync(new byte[] { 0x90, 3, body[0], body[1], 0 });
            }
            else if (packet == MqttPacket.PingRequest)
            {
                await tls.WriteAsync(new byte[] { 0xD0, 0 });
            }
        }
    }

    private static async Task<(MqttPacket Packet, byte[] Body)?> ReadAsync(SslStream tls)
    {
        var one = new byte[1];
        if (await tls.ReadAsync(one) == 0)
            return null;
        var packet = (MqttPacket)(one[0] >> 4);
        var length = 0;
        for (var shift = 0; ; shift += 7)
        {
            await tls.ReadExactlyAsync(one);
            length |= (one[0] & 0x7F) << shift;
            if (one[0] < 0x80)
                break;
        }
        var body = new byte[length];
        await tls.ReadExactlyAsync(body);
        return (packet, body);
    }

    private sealed class TwoCredentials : ICredentialStore
    {
        public string Kind => "file";

        public string? InUse => null;

        public TlsIdentity OpenForTls(string credential) => new FileTlsIdentity(CertificateAuthority.SelfSigned(credential));

        public CertificateInfo Inspect() => throw new NotSupportedException();

        public void CheckInUse() => throw new NotSupportedException();

        public PreparedPair Prepare(KeyOptions options) => throw new NotSupportedException();

        public string CertificateRequest(string credential) => throw new NotSupportedException();

        public CertificateInfo StoreCertificate(string credential, string certificatePem, DateTimeOffset now) => throw new NotSupportedException();

        public void SwitchTo(string credential, bool mustBeReached) => throw new NotSupportedException();

        public void Remove(string credential) => throw new NotSupportedException();

        public void Sweep() => throw new NotSupportedException();
    }
}

/// <summary>By its number in the protocol.</summary>
internal enum MqttPacket
{
    None = 0,
    Connect = 1,
    Publish = 3,
    Subscribe = 8,
    PingRequest = 12,
    Disconnect = 14,
}
