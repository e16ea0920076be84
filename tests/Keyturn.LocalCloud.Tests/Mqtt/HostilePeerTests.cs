using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CsCheck;

namespace Keyturn.LocalCloud.Tests.Mqtt;

public sealed class HostilePeerTests
{
    private static readonly byte[] Connect =
        [0x10, 18, 0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 4, 2, 0, 60, 0, 6, .. "device"u8];

    public static TheoryData<byte[]> BadBytes => new(
        "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
        new byte[] { 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F },
        new byte[] { 0x10, 0xFF, 0xFF, 0xFF, 0x7F },
        new byte[] { 0x30, 2, 0, 0 },
        new byte[] { 0x10, 0 },
        new byte[] { 0x10, 12, 0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 9, 2, 0, 60, 0, 0 },
        new byte[] { 0x10, 14, 0, 6, (byte)'M', (byte)'Q', (byte)'I', (byte)'s', (byte)'d', (byte)'p', 3, 2, 0, 60, 0, 0 },
        (byte[])[.. Connect, .. Connect],
        (byte[])[.. Connect, 0xF0, 0],
        (byte[])[.. Connect, 0x00, 0],
        (byte[])[.. Connect, 0x32, 3, 0, 9, (byte)'x'],
        (byte[])[.. Connect, 0x82, 2, 0, 1],
        (byte[])[.. Connect, 0xA2, 2, 0, 1],
        (byte[])[.. Connect, 0x36, 5, 0, 1, (byte)'a', 0, 1],
        (byte[])[.. Connect, 0x50, 2, 0, 1],
        // Reserved bits: SUBSCRIBE without them, PINGREQ and DISCONNECT with, DUP of a QoS 0 message.
        (byte[])[.. Connect, 0x80, 6, 0, 1, 0, 1, (byte)'a', 1],
        (byte[])[.. Connect, 0xC1, 0],
        (byte[])[.. Connect, 0xE8, 0],
        (byte[])[.. Connect, 0x38, 4, 0, 1, (byte)'a', (byte)'x'],
        // Packet identifier 0.
        (byte[])[.. Connect, 0x82, 6, 0, 0, 0, 1, (byte)'a', 1],
        (byte[])[.. Connect, 0xA2, 5, 0, 0, 0, 1, (byte)'a'],
        (byte[])[.. Connect, 0x32, 6, 0, 1, (byte)'a', 0, 0, (byte)'x'],
        // Topics that are not UTF-8.
        (byte[])[.. Connect, 0x30, 4, 0, 1, 0xFF, (byte)'x'],
        (byte[])[.. Connect, 0x82, 6, 0, 1, 0, 1, 0xC0, 1],
        (byte[])[.. Connect, 0x30, 0xFF, 0xFF, 0xFF, 0x7F]);

    [Theory]
    [MemberData(nameof(BadBytes))]
    public async Task Bytes_that_are_no_MQTT_close_that_connection_and_no_other(byte[] bytes)
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var bystander = await fixture.ConnectAsync("bystander");

        await using var stream = await OpenAsync(fixture);
        await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);

        await ReadToEndAsync(stream);
        Assert.True(await bystander.HeardNothingAsync());
    }

    /// <summary>In the words of AWS's documentation: the broker does not send a PUBACK or SUBACK.</summary>
    [Fact]
    public async Task Whoever_asks_for_quality_of_service_2_gets_no_suback()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        await using var stream = await OpenAsync(fixture);
        // SUBSCRIBE at QoS 2, then PINGREQ: CONNACK and PINGRESP are all that comes back.
        await stream.WriteAsync((byte[])[.. Connect, 0x82, 6, 0, 1, 0, 1, (byte)'a', 2, 0xC0, 0], TestContext.Current.CancellationToken);

        var answer = new byte[6];
        await stream.ReadExactlyAsync(answer, TestContext.Current.CancellationToken);
        Assert.Equal([0x20, 2, 0, 0, 0xD0, 0], answer);
    }

    [Fact]
    public async Task A_connection_cut_anywhere_in_a_packet_disturbs_nobody()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var bystander = await fixture.ConnectAsync("bystander");
        byte[] session = [.. Connect, 0x82, 6, 0, 1, 0, 1, (byte)'a', 1, 0x32, 8, 0, 1, (byte)'a', 0, 2, (byte)'x', (byte)'y', (byte)'z'];
        for (var length = 0; length < session.Length; length++)
        {
            await using var stream = await OpenAsync(fixture);
            await stream.WriteAsync(session.AsMemory(0, length), TestContext.Current.CancellationToken);
        }

        Assert.True(await bystander.HeardNothingAsync());
    }

    [Fact]
    public async Task Plain_TCP_garbage_and_half_handshakes_disturb_nobody()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        using var silent = new TcpClient("localhost", fixture.Broker.Port);
        for (var i = 0; i < 20; i++)
        {
            using var garbage = new TcpClient("localhost", fixture.Broker.Port);
            await garbage.GetStream().WriteAsync(RandomNumberGenerator.GetBytes(200), TestContext.Current.CancellationToken);
        }

        var client = await fixture.ConnectAsync("device");

        Assert.True(await client.HeardNothingAsync());
    }

    [Fact]
    public async Task Whatever_follows_a_connect_is_answered_or_closed()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var bystander = await fixture.ConnectAsync("bystander");
        var bodies = Gen.Byte.Array[0, 40].Array[1, 3];
        await bodies.SampleAsync(
            async packets =>
            {
                await using var stream = await OpenAsync(fixture);
                try
                {
                    await stream.WriteAsync(Connect);
                    foreach (var packet in packets)
                        await stream.WriteAsync(packet);
                }
                catch (IOException)
                {
                    // Closed while more was on its way: the answer that was hoped for.
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: 60, threads: 1);

        Assert.True(await bystander.HeardNothingAsync());
    }

    private static async Task<SslStream> OpenAsync(BrokerFixture fixture)
    {
        var certificate = TestPki.Shared.Issue("CN=device");
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        var tcp = new TcpClient("localhost", fixture.Broker.Port);
        var stream = new SslStream(tcp.GetStream(), false, (_, server, _, _) => server?.Subject == "CN=localhost");
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ClientCertificates = new X509Certificate2Collection(certificate),
        });
        return stream;
    }

    private static async Task ReadToEndAsync(SslStream stream)
    {
        var buffer = new byte[1024];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            while (await stream.ReadAsync(buffer, patience.Token) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Closed hard: also closed.
        }
    }
}
