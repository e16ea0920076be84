using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Greengrass.Ipc;
using Greengrass.Ipc.EventStream;
using Greengrass.Ipc.Rpc;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>A nucleus at its socket: says yes to every call, keeps what it was asked, and can send events, refuse operations and drop the connection.</summary>
internal sealed class FakeNucleus : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Lock _lock = new();
    private readonly List<(string Operation, JsonNode Request)> _calls = [];
    private readonly Dictionary<string, int> _streams = [];
    private NetworkStream? _client;

    public FakeNucleus()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(Options.SocketPath));
        _listener.Listen();
        _ = AcceptAsync();
    }

    public GreengrassIpcOptions Options => new() { SocketPath = _directory.Combine("ipc.socket"), AuthToken = "T" };

    /// <summary>Operations that this nucleus refuses with an empty ServiceError, as lite does.</summary>
    public HashSet<string> Refused { get; } = [];

    /// <summary>Operations that it never answers.</summary>
    public HashSet<string> Unanswered { get; } = [];

    public JsonObject Configuration { get; set; } = new() { ["keyAlgorithm"] = "RSA-2048", ["signingAlgorithm"] = "SHA256WITHRSA" };

    /// <summary>What lite says under <c>system</c>.</summary>
    public Dictionary<string, string> System { get; } = [];

    public int Connections { get; private set; }

    /// <summary>Streams that the component ended of itself.</summary>
    public int Ended { get; private set; }

    /// <summary>Every stream ends with the answer that opens it.</summary>
    public bool EndsSubscriptions { get; set; }

    /// <summary>As lite refuses: the connection ends without a word.</summary>
    public bool RefusesConnections { get; set; }

    public JsonNode[] Calls(string operation)
    {
        lock (_lock)
            return [.. _calls.Where(c => c.Operation == operation).Select(c => c.Request)];
    }

    /// <summary>An event on the stream that the operation was last asked for on.</summary>
    public Task SendAsync(string operation, string type, JsonObject payload) => SendRawAsync(operation, type, payload.ToJsonString());

    public async Task SendRawAsync(string operation, string type, string payload)
    {
        var message = RpcMessage.Create(
            MessageType.ApplicationMessage, MessageFlags.None, _streams[operation], Encoding.UTF8.GetBytes(payload),
            EventStreamHeader.String(RpcMessage.ContentTypeHeader, "application/json"), EventStreamHeader.String(RpcMessage.ServiceModelTypeHeader, "aws.greengrass#" + type));
        await WriteAsync(_client!, message);
    }

    /// <summary>Ends the stream that the operation was last asked for on.</summary>
    public Task EndAsync(string operation) => WriteAsync(_client!, RpcMessage.Create(MessageType.ApplicationMessage, MessageFlags.TerminateStream, _streams[operation], default));

    public void Drop() => _client!.Dispose();

    public static async Task UntilAsync(Func<bool> condition)
    {
        for (var attempt = 0; attempt < 1000 && !condition(); attempt++)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.True(condition());
    }

    public void Dispose()
    {
        _listener.Dispose();
        _client?.Dispose();
        _directory.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _client = new NetworkStream(await _listener.AcceptAsync(), ownsSocket: true);
                Connections++;
                _ = ServeAsync(_client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(NetworkStream stream)
    {
        try
        {
            var reader = PipeReader.Create(stream);
            while (true)
            {
                var read = await reader.ReadAsync();
                var buffer = read.Buffer;
                while (EventStreamDecoder.TryRead(ref buffer, EventStreamLimits.MaxMessageBytes, out var message))
                    await AnswerAsync(stream, RpcMessage.Parse(message));
                reader.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Dropped.
        }
    }

    private async Task AnswerAsync(NetworkStream stream, RpcMessage request)
    {
        if (request.Type == MessageType.Connect && RefusesConnections)
        {
            stream.Dispose();
            return;
        }
        if (request.Type == MessageType.Connect)
        {
            await WriteAsync(stream, RpcMessage.Create(MessageType.ConnectAck, MessageFlags.ConnectionAccepted, 0, default));
            return;
        }
        if (request.TerminatesStream)
        {
            Ended++;
            return;
        }
        var operation = request.Message.Find(RpcMessage.OperationHeader)!.Value.AsString()!.Split('#')[1];
        var body = JsonNode.Parse(request.Message.Payload.Span)!;
        lock (_lock)
        {
            _calls.Add((operation, body));
            _streams[operation] = request.StreamId;
        }
        if (Unanswered.Contains(operation))
            return;
        var refusal = Refused.Contains(operation) ? "ServiceError" : operation == "GetConfiguration" && body["componentName"] is not null ? "ResourceNotFoundError" : null;
        var answer = refusal is not null ? new JsonObject { ["message"] = "" }
            : operation == "GetSystemConfig" ? new JsonObject { ["value"] = System[body["key"]!.ToString()] }
            : operation == "GetConfiguration" ? new JsonObject { ["componentName"] = "me", ["value"] = Configuration.DeepClone() } : [];
        await WriteAsync(stream, RpcMessage.Create(
            refusal is null ? MessageType.ApplicationMessage : MessageType.ApplicationError,
            refusal is null && !EndsSubscriptions && operation.StartsWith("Subscribe", StringComparison.Ordinal) ? MessageFlags.None : MessageFlags.TerminateStream,
            request.StreamId, JsonSerializer.SerializeToUtf8Bytes(answer),
            EventStreamHeader.String(RpcMessage.ContentTypeHeader, "application/json"),
            EventStreamHeader.String(RpcMessage.ServiceModelTypeHeader, "aws.greengrass#" + (refusal ?? operation + "Response"))));
    }

    private static async Task WriteAsync(NetworkStream stream, EventStreamMessage message)
    {
        var bytes = new ArrayBufferWriter<byte>();
        EventStreamEncoder.Write(bytes, message);
        await stream.WriteAsync(bytes.WrittenMemory);
    }
}
