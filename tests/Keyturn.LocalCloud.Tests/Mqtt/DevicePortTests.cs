using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.LocalCloud.Tests.Hosting;
using MQTTnet;
using MQTTnet.Formatter;

namespace Keyturn.LocalCloud.Tests.Mqtt;

/// <summary>The port of HTTPS with client certificates, where MQTT is spoken too with those who ask for it by ALPN.</summary>
public sealed class DevicePortTests
{
    [Theory]
    [InlineData(MqttProtocolVersion.V311)]
    [InlineData(MqttProtocolVersion.V500)]
    public async Task Mqtt_is_spoken_on_the_port_of_HTTPS_with_whoever_asks_for_it_by_ALPN(MqttProtocolVersion version)
    {
        await using var cloud = await TimedCloud.StartAsync();
        var certificate = await cloud.AddDeviceAsync("t1");
        await using var device = new TestClient(cloud.Cloud.HttpsPort, certificate);
        var connected = await device.ConnectAsync("t1", version, configure: o => WithAlpn(o, "x-amzn-mqtt-ca"));
        Assert.Equal(MqttClientConnectResultCode.Success, connected.ResultCode);
        await device.SubscribeAsync("a/b");

        using var http = Http(certificate);
        using var published = await http.PostAsync($"https://localhost:{cloud.Cloud.HttpsPort}/topics/a/b?qos=1", new StringContent("over HTTPS"));

        Assert.Equal(HttpStatusCode.OK, published.StatusCode);
        Assert.Equal(("a/b", "over HTTPS"), await device.NextAsync());
    }

    [Fact]
    public async Task Without_the_protocol_a_name_and_an_active_certificate_there_is_no_MQTT_on_it()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var certificate = await cloud.AddDeviceAsync("t1");
        var port = cloud.Cloud.HttpsPort;
        await using var plain = new TestClient(port, certificate);
        await Assert.ThrowsAnyAsync<Exception>(() => plain.ConnectAsync("t1", configure: o => o.WithTimeout(TimeSpan.FromSeconds(2))));
        await using var nobody = new TestClient(port, null);
        await Assert.ThrowsAnyAsync<Exception>(() => nobody.ConnectAsync("t1", configure: o => WithAlpn(o, "x-amzn-mqtt-ca")));
        await using var stranger = new TestClient(port, TestPki.Shared.Issue("CN=stranger"));
        await Assert.ThrowsAnyAsync<Exception>(() => stranger.ConnectAsync("t1", configure: o => WithAlpn(o, "x-amzn-mqtt-ca")));
    }

    [Fact]
    public async Task Publishing_over_HTTPS_is_checked_against_the_certificate_and_its_policies()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var certificate = await cloud.AddDeviceAsync("t1");
        var url = $"https://localhost:{cloud.Cloud.HttpsPort}";
        using var device = Http(certificate);
        using var stranger = Http(TestPki.Shared.Issue("CN=stranger"));
        using var nobody = Http(null);

        Assert.Equal(HttpStatusCode.OK, await PublishAsync(device, "a/b?qos=1"));
        Assert.Equal(HttpStatusCode.BadRequest, await PublishAsync(device, "a/b?qos=2"));
        Assert.Equal(HttpStatusCode.BadRequest, await PublishAsync(device, "%24aws/events/x"));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PublishAsync(device, "a", (128 * 1024) + 1));
        Assert.Equal(HttpStatusCode.Forbidden, await PublishAsync(stranger, "a/b?qos=1"));
        Assert.Equal(HttpStatusCode.Forbidden, await PublishAsync(nobody, "a/b?qos=1"));
        var id = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(certificate.RawData));
        Assert.Equal(200, (await cloud.CallAsync("iot", "PUT", $"/certificates/{id}?newStatus=INACTIVE")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, await PublishAsync(device, "a/b?qos=1"));

        async Task<HttpStatusCode> PublishAsync(HttpClient client, string topic, int size = 4)
        {
            using var answer = await client.PostAsync($"{url}/topics/{topic}", new ByteArrayContent(Encoding.ASCII.GetBytes(new string('x', size))));
            return answer.StatusCode;
        }
    }

    private static void WithAlpn(MqttClientOptionsBuilder options, string protocol) =>
        ((MqttClientTcpOptions)options.Build().ChannelOptions).TlsOptions.ApplicationProtocols = [new SslApplicationProtocol(protocol)];

    private static HttpClient Http(X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, server, _, _) => server?.Subject == "CN=localhost" },
        };
        if (certificate is not null)
            handler.SslOptions.ClientCertificates = new X509CertificateCollection { certificate };
        return new HttpClient(handler);
    }
}
