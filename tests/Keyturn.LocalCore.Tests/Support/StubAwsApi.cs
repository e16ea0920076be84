using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Tests.Support;

/// <summary>The calls that provisioning makes, answered as AWS IoT answers them.</summary>
internal sealed class StubAwsApi : IDisposable
{
    private readonly HttpListener listener = new();
    private readonly TestAuthority authority;

    public StubAwsApi(TestAuthority authority)
    {
        this.authority = authority;
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
        probe.Stop();
        listener.Prefixes.Add(Url);
        listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    public ConcurrentQueue<(string Call, string Body, string? Principal, string? Authorization)> Calls { get; } = [];

    /// <summary>Refusals by "METHOD /path": status and error type.</summary>
    public Dictionary<string, (int Status, string Type)> Refusals { get; } = new() { ["GET /things/pump1"] = (404, "ResourceNotFoundException") };

    public void Dispose() => ((IDisposable)listener).Dispose();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
                Answer(await listener.GetContextAsync());
        }
        catch (Exception problem) when (problem is HttpListenerException or ObjectDisposedException)
        {
        }
    }

    private void Answer(HttpListenerContext context)
    {
        var request = context.Request;
        using var reader = new StreamReader(request.InputStream);
        var call = $"{request.HttpMethod} {request.Url!.PathAndQuery}";
        Calls.Enqueue((call, reader.ReadToEnd(), request.Headers["x-amzn-principal"], request.Headers["Authorization"]));
        var text = authority.RootPem;
        if (Refusals.TryGetValue(call, out var refusal))
        {
            context.Response.StatusCode = refusal.Status;
            context.Response.Headers["x-amzn-ErrorType"] = refusal.Type + ":http://internal.amazon.com/";
            text = """{"message":"as the test wants"}""";
        }
        else if (call != "GET /root-ca.pem")
        {
            text = new JsonObject
            {
                ["endpointAddress"] = call.Contains("Data-ATS", StringComparison.Ordinal) ? "localhost:1883" : "localhost:1443",
                ["thingArn"] = "arn:aws:iot:us-east-1:012345678901:thing/pump1",
                ["certificateArn"] = "arn:aws:iot:us-east-1:012345678901:cert/c0ffee",
                ["certificatePem"] = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            }.ToJsonString();
        }
        context.Response.Close(Encoding.UTF8.GetBytes(text), willBlock: true);
    }
}
