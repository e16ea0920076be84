using System.Net;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Keyturn.LocalCloud.Tests.Sns;

/// <summary>An endpoint that a topic delivers to.</summary>
internal sealed class Receiver : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Channel<(JsonNode Body, string Type, string? UserAgent)> _received = Channel.CreateUnbounded<(JsonNode, string, string?)>();

    public Receiver()
    {
        using (var free = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/";
        }

        _listener.Prefixes.Add(Url);
        _listener.Start();
        _ = ListenAsync();
    }

    public string Url { get; }

    public async Task<(JsonNode Body, string Type, string? UserAgent)> NextAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        return await _received.Reader.ReadAsync(patience.Token);
    }

    public void Dispose() => _listener.Close();

    private async Task ListenAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var body = await JsonNode.ParseAsync(context.Request.InputStream);
                _received.Writer.TryWrite((body!, context.Request.Headers["x-amz-sns-message-type"] ?? "", context.Request.UserAgent));
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
