using System.Net.Security;
using System.Text;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Pki;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>The composition root: every service, wired to the others, and the listeners before them.</summary>
internal sealed class Cloud : IAsyncDisposable
{
    private readonly CloudOptions _options;
    private readonly ILoggerFactory _logs;
    private readonly Authorities _authorities;
    private readonly ApiServer _api;
    private readonly List<IAsyncDisposable> _running = [];

    public Cloud(CloudOptions options, ILoggerFactory logs, TimeProvider time)
    {
        (_options, _logs) = (options, logs);
        _authorities = new Authorities(time);
        Registry = new DeviceRegistry();
        Calls = new CallCounter();
        var keys = new AccessKeys();
        _api = new ApiServer(
            new ApiRouter(Operations(time)), new SignatureVerifier(keys, CloudAccount.Local.Region, time), Registry, Calls,
            new OpenGate(), logs.CreateLogger<ApiServer>());
    }

    public DeviceRegistry Registry { get; }

    public CallCounter Calls { get; }

    public int ApiPort { get; private set; }

    public int MqttPort { get; private set; }

    public int HttpsPort { get; private set; }

    public int ManagementPort { get; private set; }

    public string RootCaFile => Path.Combine(_options.DataDirectory, "root-ca.pem");

    /// <summary>What is printed before <c>ready</c>.</summary>
    public IEnumerable<string> Urls =>
    [
        $"api http://127.0.0.1:{ApiPort}",
        $"mqtt localhost:{MqttPort}",
        $"https https://localhost:{HttpsPort}",
        $"management http://127.0.0.1:{ManagementPort}",
        $"root-ca {RootCaFile}",
    ];

    public async Task StartAsync()
    {
        Directory.CreateDirectory(_options.DataDirectory);
        await File.WriteAllTextAsync(RootCaFile, _authorities.RootPem);
        var tls = SslStreamCertificateContext.Create(_authorities.Server, [], offline: true);
        MqttPort = _options.MqttPort;
        HttpsPort = await ListenAsync("https", _options.HttpsPort, _api.HandleAsync, tls);
        ApiPort = await ListenAsync("api", _options.ApiPort, HandleApiAsync);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_running))
            await part.DisposeAsync();
        _authorities.Dispose();
        if (!_options.KeepData && Directory.Exists(_options.DataDirectory))
            Directory.Delete(_options.DataDirectory, recursive: true);
    }

    private IEnumerable<ApiOperation> Operations(TimeProvider time) =>
    [
        .. new ThingOperations(Registry).All,
        .. new ThingTypeOperations(Registry, time).All,
        .. new GroupOperations(Registry, time).All,
        .. new CertificateOperations(Registry, _authorities, time).All,
        .. new PolicyOperations(Registry, PolicyOperations.FindFault, time).All,
        .. new PolicyAttachments(Registry).All,
        .. new ThingPrincipals(Registry, _options.DetachDelay, time).All,
        .. new Endpoints(() => MqttPort, () => HttpsPort).All,
    ];

    private async Task HandleApiAsync(HttpContext http)
    {
        if (HttpMethods.IsGet(http.Request.Method) && http.Request.Path == "/root-ca.pem")
        {
            http.Response.ContentType = "application/x-pem-file";
            await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(_authorities.RootPem), http.RequestAborted);
            return;
        }

        await _api.HandleAsync(http);
    }

    private async Task<int> ListenAsync(string name, int port, RequestDelegate handler, SslStreamCertificateContext? tls = null)
    {
        var plane = await HttpPlane.StartAsync(name, port, handler, _logs, tls);
        _running.Add(plane);
        _logs.CreateLogger<Cloud>().Listening(name, $"127.0.0.1:{plane.Port}");
        return plane.Port;
    }

    private sealed class OpenGate : IRequestGate
    {
        public void Admit(ApiRequest request, AccessKey? key)
        {
        }
    }
}
