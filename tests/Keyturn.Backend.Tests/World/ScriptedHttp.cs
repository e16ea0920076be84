using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Keyturn.Backend.Tests.World;

internal sealed record HttpExchange(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body);

/// <param name="Headers">Complete lines, each with its line end.</param>
internal sealed record HttpReply(int Status, string Body = "", string Headers = "");

/// <summary>A server on a real socket that answers as it is told, and hangs up when told nothing.</summary>
internal sealed class ScriptedHttp : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<HttpExchange, HttpReply?> _answer;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _serving;

    public ScriptedHttp(Func<HttpExchange, HttpReply?> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = ServeAsync();
    }

    public List<HttpExchange> Requests { get; } = [];

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _serving;
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await ReadAsync(stream) is { } request)
                {
                    HttpReply? reply;
                    lock (Requests)
                    {
                        Requests.Add(request);
                        reply = _answer(request);
                    }

                    if (reply is null)
                    {
                        return;
                    }

                    var body = Encoding.UTF8.GetBytes(reply.Body);
                    var head = $"HTTP/1.1 {reply.Status} Scripted\r\nContent-Length: {body.Length}\r\n{reply.Headers}\r\n";
                    await stream.WriteAsync((byte[])[.. Encoding.Latin1.GetBytes(head), .. body], _end.Token);
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException)
            {
                // The client hung up, or the test is over.
            }
        }
    }

    private async Task<HttpExchange?> ReadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _end.Token) == 0)
            {
                return null;
            }

            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines[1..].Select(l => l.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, _end.Token);
        var start = lines[0].Split(' ');
        return new HttpExchange(start[0], start[1], headers, Encoding.UTF8.GetString(body));
    }
}
