using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Keyturn.EndToEnd.Tests;

/// <summary>Every listener is sent what no client sends, and goes on serving a rotation.</summary>
public sealed class Garbage
{
    [Fact]
    public async Task On_any_listener_disturbs_nobody_else()
    {
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.AddDeviceAsync("gateway-01");

        byte[][] garbage =
        [
            [0], Encoding.ASCII.GetBytes("GET"), Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"),
            [.. Enumerable.Range(0, 4096).Select(i => (byte)(i * 31))], new byte[200_000],
            [0x16, 0x03, 0x01, 0xff, 0xff, 0x01], [0x10, 0xff, 0xff, 0xff, 0x7f],
        ];
        foreach (var bytes in garbage)
        {
            await SendAsync(fleet.Cloud.Api.Port, bytes);
            await SendAsync(fleet.Cloud.Management.Port, bytes);
            await SendAsync(fleet.Cloud.MqttPort, bytes);
            await SendInTlsAsync(fleet, device, bytes);
        }

        await BadRequestsAsync(fleet);
        await ToComponentsSocketAsync(device, garbage);

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        Assert.Equal("SUCCEEDED", (await fleet.ExecutionEndAsync("rotate-1", "gateway-01")).GetProperty("status").GetString());
    }

    private static async Task BadRequestsAsync(LocalFleet fleet)
    {
        using var http = new HttpClient();
        using var unsigned = await http.GetAsync(new Uri(fleet.Cloud.Api, "/things"), TestContext.Current.CancellationToken);
        Assert.Equal(403, (int)unsigned.StatusCode);

        var forged = AwsCli.Started(fleet.Cloud.Api);
        var unknown = await forged.RunAsync("iot", "describe-thing", "--thing-name", "nobody");
        Assert.Contains("ResourceNotFoundException", unknown.Error);
        var wrong = await forged.RunAsync("iot", "create-job", "--job-id", "not a job id", "--targets", "nothing", "--document", "{}");
        Assert.Contains("InvalidRequestException", wrong.Error);
    }

    /// <summary>Frames that break the event stream encoding, and a connection that says nothing.</summary>
    private static async Task ToComponentsSocketAsync(Cli.Demo.DemoDevice device, byte[][] garbage)
    {
        var path = Directory.EnumerateFiles(device.Root, "*.socket", SearchOption.AllDirectories).First();
        foreach (var bytes in garbage)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            await SendAndDrainAsync(new NetworkStream(socket), bytes);
        }
    }

    private static async Task SendAsync(int port, byte[] bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
        await SendAndDrainAsync(client.GetStream(), bytes);
    }

    /// <summary>Past the handshake, with a credential that is good: then the bytes reach the MQTT decoder.</summary>
    private static async Task SendInTlsAsync(LocalFleet fleet, Cli.Demo.DemoDevice device, byte[] bytes)
    {
        using var credential = device.ReadCredential();
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", fleet.Cloud.MqttPort, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ClientCertificates = [credential],
                CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { fleet.Cloud.RootCa()[0] }, RevocationMode = X509RevocationMode.NoCheck },
            },
            TestContext.Current.CancellationToken);
        await SendAndDrainAsync(tls, bytes);
    }

    private static async Task SendAndDrainAsync(Stream stream, byte[] bytes)
    {
        try
        {
            await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);
            var answer = new byte[1024];
            using var moment = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
            while (await stream.ReadAsync(answer, moment.Token) > 0)
            {
                // Whatever it answers; the point is who is still served afterwards.
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or SocketException)
        {
            // Closed on us, or silent: both are answers.
        }
    }
}
