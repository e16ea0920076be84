using System.Buffers;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using MQTTnet;
using MQTTnet.Formatter;
using KeyAlgorithm = Keyturn.Contracts.KeyAlgorithm;

namespace Keyturn.Bench;

/// <summary>
/// A gateway without its process: the component's machine, driver, journal, files and pre-flight as they are delivered, over an MQTT connection of its own
/// in place of the nucleus's. A restart of the nucleus is a new connection, with what is on the disk then, and a new driver.
/// </summary>
internal sealed class FleetDevice(string thing, string root, DataEndpoint endpoint, X509Certificate2Collection roots, int seed) : ICloudChannel, INucleus, IAsyncDisposable
{
    private readonly IMqttClient client = new MqttClientFactory().CreateMqttClient();
    private readonly CancellationTokenSource end = new();
    private readonly SemaphoreSlim one = new(1);
    private CancellationTokenSource life = new();
    private RotationDriver? driver;
    private Task run = Task.CompletedTask;
    private int session;

    public bool IsOpen { get; private set; }

    public string Session => $"{thing}-{session}";

    public RotationState? State => driver?.State;

    private string KeyPath => Path.Combine(root, "private.key");

    private string CertificatePath => Path.Combine(root, "device.crt");

    public void Install(string key, string certificate)
    {
        Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(KeyPath, key);
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(CertificatePath, certificate);
        client.ApplicationMessageReceivedAsync += received =>
        {
            driver?.Receive(new CloudMessage(received.ApplicationMessage.Topic, received.ApplicationMessage.Payload.ToArray()));
            return Task.CompletedTask;
        };
        client.DisconnectedAsync += _ =>
        {
            IsOpen = false;
            return Task.CompletedTask;
        };
    }

    public async Task StartAsync()
    {
        await one.WaitAsync(end.Token);
        try
        {
            session++;
            await ConnectAsync();
            var files = new PosixFileSystem();
            var directories = new StateDirectories(root);
            directories.Ensure(files);
            var log = new RotationLog(TextWriter.Null, TimeProvider.System, thing);
            var store = new FileCredentialStore(files, new CredentialPaths(KeyPath, CertificatePath), directories.Credentials);
            var probe = new MqttProbe(
                thing, store, _ => Task.FromResult<DataEndpoint?>(endpoint), () => PreflightOptions.Default, () => !IsOpen, TimeProvider.System, log);
            driver = new RotationDriver(
                thing, "2.0.0", () => new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256),
                new DriverPorts(new Journal(files, directories.Journal, "bench", TimeProvider.System), store, this, probe, this, TimeProvider.System, new Random(seed + session), log));
            life = new CancellationTokenSource();
            run = driver.RunAsync(life.Token);
            driver.ChannelOpened();
        }
        finally
        {
            one.Release();
        }
    }

    public async Task<bool> SendAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        try
        {
            if (!IsOpen)
                return false;
            await client.PublishAsync(new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload.ToArray()).Build(), cancellation);
            return true;
        }
        catch (MQTTnet.Exceptions.MqttCommunicationException)
        {
            return false;
        }
    }

    public void Reopen()
    {
        IsOpen = false;
        _ = AgainAsync();
    }

    public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

    public Task<string?> RestartAsync(CancellationToken cancellation)
    {
        _ = Task.Run(async () =>
        {
            await StopAsync();
            if (!end.IsCancellationRequested)
                await StartAsync();
        }, CancellationToken.None);
        return Task.FromResult<string?>(null);
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await StopAsync();
        client.Dispose();
    }

    private async Task AgainAsync()
    {
        await one.WaitAsync(end.Token);
        try
        {
            await ConnectAsync();
            driver?.ChannelOpened();
        }
        finally
        {
            one.Release();
        }
    }

    private async Task StopAsync()
    {
        await life.CancelAsync();
        await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        IsOpen = false;
        if (client.IsConnected)
            await client.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
    }

    /// <summary>Until it stands, as a nucleus does: one connect a second is all that AWS IoT allows a client id.</summary>
    private async Task ConnectAsync()
    {
        while (!IsOpen)
        {
            end.Token.ThrowIfCancellationRequested();
            try
            {
                if (!client.IsConnected)
                {
                    using var credential = X509Certificate2.CreateFromPemFile(CertificatePath, KeyPath);
                    var answer = await client.ConnectAsync(new MqttClientOptionsBuilder()
                        .WithTcpServer(endpoint.Host, endpoint.Port).WithProtocolVersion(MqttProtocolVersion.V311).WithClientId(thing).WithCleanSession()
                        .WithTimeout(TimeSpan.FromSeconds(30)).WithKeepAlivePeriod(TimeSpan.FromMinutes(10))
                        .WithTlsOptions(tls => tls.UseTls().WithTargetHost(endpoint.Host).WithRevocationMode(X509RevocationMode.NoCheck)
                            .WithClientCertificates(new X509Certificate2Collection(credential)).WithTrustChain(roots))
                        .Build(), end.Token);
                    if (answer.ResultCode != MqttClientConnectResultCode.Success)
                        throw new MQTTnet.Exceptions.MqttCommunicationException(answer.ResultCode.ToString());
                }

                foreach (var filter in Filters())
                    await client.SubscribeAsync(new MqttClientSubscribeOptionsBuilder().WithTopicFilter(filter).Build(), end.Token);
                IsOpen = true;
            }
            catch (MQTTnet.Exceptions.MqttCommunicationException)
            {
                await Task.Delay(1100, end.Token);
            }
        }
    }

    private IEnumerable<string> Filters()
    {
        yield return Topics.NotifyNext(thing);
        foreach (var request in (string[])[Topics.JobGet(thing, "+"), Topics.JobUpdate(thing, "+"), Topics.Create(thing), Topics.Commit(thing)])
        {
            yield return Topics.Accepted(request);
            yield return Topics.Rejected(request);
        }
    }
}
