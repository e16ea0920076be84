using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>Both credentials held against each other where the policy allows the thing's own client id alone.</summary>
public sealed class ProbeAsTheThingTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly X509Certificate2 _server = SelfSigned("localhost");
    private readonly TcpListener _endpoint = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<(string Credential, string ClientId)> _asked = new();
    private Func<string, string, bool> _accepts = (_, _) => true;

    public ProbeAsTheThingTests()
    {
        File.WriteAllText(_directory.Combine("rootCA.pem"), _server.ExportCertificatePem());
        _endpoint.Start();
        _ = ServeAsync();
    }

    public void Dispose()
    {
        _endpoint.Dispose();
        _server.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task While_the_nucleus_has_no_session_the_things_own_id_tells_which_one_is_accepted()
    {
        _accepts = (credential, id) => credential == "old" && id == "pump1";
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted), await CompareAsync(isOffline: true));
        Assert.Equal([("old", "pump1#preflight"), ("old", "pump1"), ("new", "pump1"), ("old", "pump1")], _asked);
    }

    [Fact]
    public async Task While_the_nucleus_has_one_its_id_is_left_alone_and_nothing_follows_from_a_refusal()
    {
        _accepts = (_, id) => id == "pump1";
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed), await CompareAsync(isOffline: false));
        Assert.DoesNotContain(_asked, a => a.ClientId == "pump1");
    }

    [Fact]
    public async Task An_id_beside_the_nucleus_is_kept_to_where_it_is_allowed()
    {
        _accepts = (credential, _) => credential == "old";
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted), await CompareAsync(isOffline: true));
        Assert.DoesNotContain(_asked, a => a.ClientId == "pump1");
    }

    [Fact]
    public async Task Both_refused_with_the_things_own_id_leave_the_device_stranded()
    {
        _accepts = (_, _) => false;
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed, IsStranded: true), await CompareAsync(isOffline: true));
    }

    [Fact]
    public async Task An_endpoint_that_is_not_reached_or_not_known_leaves_nobody_stranded()
    {
        _endpoint.Stop();
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed), await CompareAsync(isOffline: true));
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed), await CompareAsync(isOffline: true, isKnown: false));
    }

    private Task<RotationEvent.Compared> CompareAsync(bool isOffline, bool isKnown = true)
    {
        var port = isKnown && _endpoint.Server.IsBound ? ((IPEndPoint)_endpoint.LocalEndpoint).Port : 1;
        var endpoint = isKnown ? new DataEndpoint("localhost", port, _directory.Combine("rootCA.pem"), null) : null;
        var probe = new MqttProbe("pump1", new TwoCredentials(), _ => Task.FromResult(endpoint), () => PreflightOptions.Default, () => isOffline, TimeProvider.System, NullLogger.Instance);
        return probe.CompareAsync("old", "new", TestContext.Current.CancellationToken);
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
                _ = AnswerAsync(await _endpoint.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    /// <summary>As much of MQTT 3.1.1 as a connection takes: CONNECT, CONNACK, and whatever comes until the end.</summary>
    private async Task AnswerAsync(TcpClient client)
    {
        using var _ = client;
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown?.Subject is "CN=old" or "CN=new");
        await tls.AuthenticateAsServerAsync(_server, clientCertificateRequired: true, checkCertificateRevocation: false);
        var credential = tls.RemoteCertificate!.Subject["CN=".Length..];
        var packet = new byte[256];
        var length = await tls.ReadAsync(packet);
        // Fixed header of two bytes, variable header of ten, then the client id with its length.
        var id = Encoding.UTF8.GetString(packet, 14, packet[12] << 8 | packet[13]);
        Assert.True(length >= 14 + id.Length && packet[0] == 0x10);
        _asked.Enqueue((credential, id));
        await tls.WriteAsync(new byte[] { 0x20, 2, 0, (byte)(_accepts(credential, id) ? 0 : 5) });
        while (await tls.ReadAsync(packet) > 0)
        {
            // Until the client ends it.
        }
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    private sealed class TwoCredentials : ICredentialStore
    {
        public string Kind => "file";

        public string? InUse => null;

        public TlsIdentity OpenForTls(string credential) => new FileTlsIdentity(SelfSigned(credential));

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
