using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Hosting;
using Keyturn.LocalCloud.Tests.Mqtt;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.Hosting;

/// <summary>A whole cloud within the test, on a clock that the test moves.</summary>
internal sealed class TimedCloud : IAsyncDisposable
{
    private static readonly HttpClient Http = new();
    private readonly string _data = Path.Combine(Path.GetTempPath(), $"local-cloud-timed-{Guid.NewGuid():N}");
    private readonly List<TestClient> _clients = [];

    private TimedCloud(string quotas, string faults, int seed, string? template)
    {
        Time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        Cloud = new Cloud(
            new CloudOptions
            {
                ApiPort = 0, MqttPort = 0, HttpsPort = 0, ManagementPort = 0, DataDirectory = _data, Quotas = quotas, Faults = faults, Seed = seed,
                Template = template, FunctionExecutable = LocalCloudProcess.Function,
            },
            NullLoggerFactory.Instance, Time);
    }

    public FakeTimeProvider Time { get; }

    public Cloud Cloud { get; }

    public Uri Management => new($"http://127.0.0.1:{Cloud.ManagementPort}");

    public static async Task<TimedCloud> StartAsync(string quotas = "off", string faults = "none", int seed = 1, string? template = null)
    {
        var cloud = new TimedCloud(quotas, faults, seed, template);
        await cloud.Cloud.StartAsync();
        return cloud;
    }

    public async Task<SignedAnswer> CallAsync(string service, string method, string path, string? body = null, string? contentType = null, params (string, string)[] headers)
    {
        using var api = new SignedHttp(Cloud.ApiUrl) { At = Time.GetUtcNow() };
        return await api.SendAsync(service, method, path, body is null ? null : Encoding.UTF8.GetBytes(body), contentType, headers);
    }

    /// <summary>A thing with a certificate that may do everything.</summary>
    public async Task<X509Certificate2> AddDeviceAsync(string thing)
    {
        await CallAsync("iot", "POST", "/things/" + thing, "{}");
        await CallAsync("iot", "POST", "/policies/all", new JsonObject { ["policyDocument"] = BrokerFixture.AllowAll }.ToJsonString());
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + thing, key, HashAlgorithmName.SHA256);
        var made = await CallAsync("iot", "POST", "/certificates?setAsActive=true", new JsonObject
        {
            ["certificateSigningRequest"] = request.CreateSigningRequestPem(),
        }.ToJsonString());
        Assert.Equal(200, made.Status);
        var arn = made.Json["certificateArn"]!.ToString();
        await CallAsync("iot", "PUT", "/target-policies/all", new JsonObject { ["target"] = arn }.ToJsonString());
        await CallAsync("iot", "PUT", $"/things/{thing}/principals", null, null, ("x-amzn-principal", arn));
        using var pem = X509Certificate2.CreateFromPem(made.Json["certificatePem"]!.ToString());
        using var both = pem.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(both.Export(X509ContentType.Pkcs12), null);
    }

    public TestClient Client(X509Certificate2 certificate)
    {
        var client = new TestClient(Cloud.MqttPort, certificate);
        _clients.Add(client);
        return client;
    }

    public async Task<TestClient> ConnectAsync(string thing)
    {
        var client = Client(await AddDeviceAsync(thing));
        await client.ConnectAsync(thing);
        return client;
    }

    public async Task<(int Status, JsonNode Json)> ManageAsync(string method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(Management, path));
        if (body is not null)
            request.Content = new StringContent(body);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.StartsWith('{') || text.StartsWith('[') ? JsonNode.Parse(text)! : new JsonObject());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            await client.DisposeAsync();
        await Cloud.DisposeAsync();
    }
}
