using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCloud.Tests.Mqtt;

/// <summary>Somebody else's clients, unmodified.</summary>
public sealed class MosquittoTests : IDisposable
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("mosquitto").FullName;

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("mqttv311", "")]
    [InlineData("mqttv5", "")]
    [InlineData("mqttv311", "--tls-alpn x-amzn-mqtt-ca")]
    public async Task Mosquitto_subscribes_and_publishes(string version, string more)
    {
        RequireMosquitto();
        await using var fixture = await BrokerFixture.StartAsync();
        var watcher = await fixture.ConnectAsync("watcher");
        await watcher.SubscribeAsync("$aws/events/subscriptions/subscribed/sub");
        var device = Certificate(fixture, "device");

        var subscriber = RunAsync(fixture, "mosquitto_sub", $"-i sub -t greetings/+ -C 1 -q 1 -V {version} {more} {device}");
        await watcher.NextAsync();
        var publisher = await RunAsync(fixture, "mosquitto_pub", $"-i pub -t greetings/all -m hello -q 1 -V {version} {more} {device}");

        Assert.Equal((0, ""), (publisher.ExitCode, publisher.Error));
        Assert.Equal((0, "hello\n"), ((await subscriber).ExitCode, (await subscriber).Output));
    }

    [Fact]
    public async Task Mosquitto_is_refused_with_a_retired_certificate_and_with_one_of_another_CA()
    {
        RequireMosquitto();
        await using var fixture = await BrokerFixture.StartAsync();
        var good = TestPki.Shared.Issue("CN=device");
        var id = fixture.Directory.Register(good, [BrokerFixture.AllowAll]);
        var options = Write("good", good);
        Assert.Equal(0, (await PublishAsync(options)).ExitCode);

        fixture.Directory.Retire(id);

        Assert.NotEqual(0, (await PublishAsync(options)).ExitCode);
        Assert.NotEqual(0, (await PublishAsync(Write("foreign", TestPki.Foreign.Issue("CN=device")))).ExitCode);

        Task<(int ExitCode, string Output, string Error)> PublishAsync(string files) =>
            RunAsync(fixture, "mosquitto_pub", $"-i device -t a -m b -q 1 {files}");
    }

    private static void RequireMosquitto() =>
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(p => File.Exists(Path.Combine(p, "mosquitto_pub"))),
            "mosquitto_pub is not installed: script/bootstrap installs it.");

    private string Certificate(BrokerFixture fixture, string name)
    {
        var certificate = TestPki.Shared.Issue("CN=" + name);
        fixture.Directory.Register(certificate, [BrokerFixture.AllowAll]);
        return Write(name, certificate);
    }

    private string Write(string name, X509Certificate2 certificate)
    {
        var (cert, key, root) = (Path.Combine(_directory, name + ".pem"), Path.Combine(_directory, name + ".key"), Path.Combine(_directory, "root.pem"));
        File.WriteAllText(cert, certificate.ExportCertificatePem());
        File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(root, TestPki.Shared.Root.ExportCertificatePem());
        return $"--cafile {root} --cert {cert} --key {key}";
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(BrokerFixture fixture, string program, string arguments)
    {
        var start = new ProcessStartInfo(program, $"-h localhost -p {fixture.Broker.Port} {arguments}")
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}
