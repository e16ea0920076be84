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

    private static readonly byte[] Connect5 = ConnectWith(5, 2, [0]);

    /// <summary>Each in the words of what is wrong with it.</summary>
    private static readonly (string Wrong, byte[] Bytes)[] NoMqtt =
    [
        ("another protocol", "GET / HTTP/1.1\r\n\r\n"u8.ToArray()),
        ("a length of five bytes", [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        ("a length beyond the limit", [0x10, 0xFF, 0xFF, 0xFF, 0x7F]),
        ("the same, later", [.. Connect, 0x30, 0xFF, 0xFF, 0xFF, 0x7F]),
        ("no CONNECT", [0x30, 2, 0, 0]),
        ("an empty CONNECT", [0x10, 0]),
        ("an unknown version", ConnectWith(9, 2, [])),
        ("MQTT 3.1", [0x10, 14, 0, 6, .. "MQIsdp"u8, 3, 2, 0, 60, 0, 0]),
        ("a second CONNECT", [.. Connect, .. Connect]),
        ("AUTH in MQTT 3.1.1", [.. Connect, 0xF0, 0]),
        ("type 0", [.. Connect, 0x00, 0]),
        ("a PUBLISH that ends in its topic", [.. Connect, 0x32, 3, 0, 9, (byte)'x']),
        ("a SUBSCRIBE of nothing", [.. Connect, 0x82, 2, 0, 1]),
        ("an UNSUBSCRIBE of nothing", [.. Connect, 0xA2, 2, 0, 1]),
        ("quality of service 3", [.. Connect, 0x36, 5, 0, 1, (byte)'a', 0, 1]),
        ("PUBREC", [.. Connect, 0x50, 2, 0, 1]),
        ("PUBREL", [.. Connect, 0x62, 2, 0, 1]),
        ("a server's packet", [.. Connect, 0xD0, 0]),
        ("SUBSCRIBE without its reserved bits", [.. Connect, 0x80, 6, 0, 1, 0, 1, (byte)'a', 1]),
        ("PINGREQ with such", [.. Connect, 0xC1, 0]),
        ("DISCONNECT with such", [.. Connect, 0xE8, 0]),
        ("a duplicate of quality of service 0", [.. Connect, 0x38, 4, 0, 1, (byte)'a', (byte)'x']),
        ("SUBSCRIBE with packet identifier 0", [.. Connect, 0x82, 6, 0, 0, 0, 1, (byte)'a', 1]),
        ("UNSUBSCRIBE with it", [.. Connect, 0xA2, 5, 0, 0, 0, 1, (byte)'a']),
        ("PUBLISH with it", [.. Connect, 0x32, 6, 0, 1, (byte)'a', 0, 0, (byte)'x']),
        ("a topic that is not UTF-8", [.. Connect, 0x30, 4, 0, 1, 0xFF, (byte)'x']),
        ("a filter that is not UTF-8", [.. Connect, 0x82, 6, 0, 1, 0, 1, 0xC0, 1]),
        ("an empty topic", [.. Connect, 0x30, 2, 0, 0]),
        ("a topic with +", [.. Connect, 0x30, 5, 0, 3, .. "a/+"u8]),
        ("a topic with #", [.. Connect, 0x30, 5, 0, 3, .. "a/#"u8]),
        ("a filter with more after #", [.. Connect, 0x82, 8, 0, 1, 0, 3, .. "#/a"u8, 1]),
        ("a filter that shares a level with #", [.. Connect, 0x82, 7, 0, 1, 0, 2, .. "a#"u8, 1]),
        ("a subscription at quality of service 3", [.. Connect, 0x82, 6, 0, 1, 0, 1, (byte)'a', 3]),
        ("a subscription with reserved bits", [.. Connect, 0x82, 6, 0, 1, 0, 1, (byte)'a', 0x81]),
        ("bytes after the end of CONNECT", [.. ConnectWith(4, 2, [], "device"u8, [0]), 0xC0, 0]),
        ("bytes in PINGREQ", [.. Connect, 0xC0, 1, 0]),
        ("no client id in MQTT 3.1.1", ConnectWith(4, 2, [], [])),
        ("a client id with a null character", ConnectWith(4, 2, [], "a\0b"u8)),
        ("a client id that begins with $", ConnectWith(4, 2, [], "$a"u8)),
        ("the reserved flag of CONNECT", ConnectWith(4, 3, [])),
        ("details of a will without one", ConnectWith(4, 0x0A, [])),
        ("a will of quality of service 2", ConnectWith(4, 0x16, [], "device"u8, [0, 1, (byte)'w', 0, 0])),
        ("a will with a wildcard", ConnectWith(4, 0x06, [], "device"u8, [0, 1, (byte)'#', 0, 0])),
        ("a password without a user", ConnectWith(4, 0x42, [], "device"u8, [0, 1, (byte)'p'])),
        ("receive maximum 0", ConnectWith(5, 2, [3, 0x21, 0, 0])),
        ("maximum packet size 0", ConnectWith(5, 2, [5, 0x27, 0, 0, 0, 0])),
        ("a property twice", ConnectWith(5, 2, [10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1])),
        ("an unknown property", ConnectWith(5, 2, [2, 0x7F, 0])),
        ("a property of another packet", ConnectWith(5, 2, [3, 0x23, 0, 1])),
        ("an authentication method", ConnectWith(5, 2, [4, 0x15, 0, 1, (byte)'a'])),
        ("AUTH", [.. Connect5, 0xF0, 2, 0x18, 0]),
        ("topic alias 0", [.. Connect5, 0x30, 7, 0, 1, (byte)'a', 3, 0x23, 0, 0]),
        ("a topic alias beyond the maximum", [.. Connect5, 0x30, 7, 0, 1, (byte)'a', 3, 0x23, 0, 9]),
        ("a client's subscription identifier in PUBLISH", [.. Connect5, 0x30, 6, 0, 1, (byte)'a', 2, 0x0B, 1]),
        ("a response topic with a wildcard", [.. Connect5, 0x30, 8, 0, 1, (byte)'a', 4, 8, 0, 1, (byte)'#']),
        ("no local on a shared subscription", [.. Connect5, 0x82, 16, 0, 1, 0, 0, 10, .. "$share/g/a"u8, 5]),
        ("a session kept that was not to be", [.. Connect5, 0xE0, 7, 0, 5, 0x11, 0, 0, 0, 5]),
    ];

    private static byte[] ConnectWith(byte version, byte flags, byte[] properties) => ConnectWith(version, flags, properties, "device"u8);

    private static byte[] ConnectWith(byte version, byte flags, byte[] properties, ReadOnlySpan<byte> clientId, params byte[] more)
    {
        byte[] body = [0, 4, .. "MQTT"u8, version, flags, 0, 60, .. properties, 0, (byte)clientId.Length, .. clientId, .. more];
        return [0x10, (byte)body.Length, .. body];
    }

    [Fact]
    public async Task Bytes_that_are_no_MQTT_close_that_connection_and_no_other()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        var bystander = await fixture.ConnectAsync("bystander");
        foreach (var (wrong, bytes) in NoMqtt)
        {
            await using var stream = await OpenAsync(fixture);
            await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);
            Assert.True(await IsClosedAsync(stream), wrong);
        }

        Assert.True(await bystander.HeardNothingAsync());
    }

    /// <summary>Lest the test above hold because everything is refused.</summary>
    [Fact]
    public async Task Well_formed_packets_of_both_versions_are_taken()
    {
        await using var fixture = await BrokerFixture.StartAsync();
        foreach (var packet in (byte[][])[
            [.. Connect, 0x30, 4, 0, 1, (byte)'a', (byte)'x'], [.. Connect, 0x40, 2, 0, 9], [.. Connect, 0x82, 6, 0, 1, 0, 1, (byte)'a', 1],
            ConnectWith(4, 0xC6, [], "device"u8, [0, 1, (byte)'w', 0, 0, 0, 1, (byte)'u', 0, 1, (byte)'p']), ConnectWith(4, 0x82, [], "device"u8, [0, 1, (byte)'u']),
            ConnectWith(5, 2, [0], []), ConnectWith(5, 0x42, [0], "device"u8, [0, 1, (byte)'p']),
            ConnectWith(5, 2, [19, 0x11, 0, 0, 0, 1, 0x21, 0, 1, 0x26, 0, 1, (byte)'k', 0, 1, (byte)'v', 0x17, 1, 0x19, 1]),
            [.. Connect5, 0x30, 7, 0, 1, (byte)'a', 3, 0x23, 0, 1], [.. Connect5, 0x40, 3, 0, 9, 0], [.. Connect5, 0x82, 7, 0, 1, 0, 0, 1, (byte)'a', 0x2D]])
        {
            await using var stream = await OpenAsync(fixture);
            await stream.WriteAsync((byte[])[.. packet, 0xC0, 0], TestContext.Current.CancellationToken);
            Assert.True(await EndsWithPongAsync(stream), Convert.ToHexString(packet));
        }
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
        // Bytes of any kind, or whole packets of any type, flags and body: after those a PINGREQ is answered, unless the connection is closed.
        var noise = Gen.Byte.Array[0, 40].Array[1, 3].Select(packets => (packets, AreWhole: false));
        var framed = Gen.Select(Gen.Byte, Gen.Byte[0, 12].Array[0, 40], (first, body) => (byte[])[first, (byte)body.Length, .. body]).Array[1, 3]
            .Select(packets => (packets, AreWhole: true));
        await Gen.Select(Gen.OneOf(noise, framed), Gen.Bool).SampleAsync(
            async (sent, isVersion5) =>
            {
                await using var stream = await OpenAsync(fixture);
                try
                {
                    await stream.WriteAsync(isVersion5 ? Connect5 : Connect);
                    foreach (var packet in sent.packets)
                        await stream.WriteAsync(packet);
                    if (sent.AreWhole)
                        await stream.WriteAsync((byte[])[0xC0, 0]);
                }
                catch (IOException)
                {
                    // Closed while more was on its way: the answer that was hoped for.
                    return;
                }

                Assert.True(!sent.AreWhole || await IsAnsweredOrClosedAsync(stream));
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

    private static async Task<bool> IsClosedAsync(SslStream stream)
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
        catch (OperationCanceledException)
        {
            return false;
        }

        return true;
    }

    private static async Task<bool> IsAnsweredOrClosedAsync(SslStream stream)
    {
        try
        {
            await EndsWithPongAsync(stream);
            return true;
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task<bool> EndsWithPongAsync(SslStream stream)
    {
        var (buffer, length) = (new byte[4096], 0);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (await stream.ReadAsync(buffer.AsMemory(length), patience.Token) is > 0 and var more)
        {
            length += more;
            if (buffer.AsSpan(0, length).EndsWith((byte[])[0xD0, 0]))
                return true;
        }

        return false;
    }
}
