using System.Net.Sockets;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Ipc;

namespace Keyturn.LocalCore.Tests.Support;

/// <summary>A component's end of the IPC, frame by frame.</summary>
internal sealed class TestClient : IAsyncDisposable
{
    private readonly NetworkStream stream;
    private int latestStream;

    private TestClient(NetworkStream stream) => this.stream = stream;

    public static async Task<TestClient> OpenAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
        return new(new(socket, ownsSocket: true));
    }

    public static async Task<TestClient> ConnectAsync(string path, string token)
    {
        var client = await OpenAsync(path);
        await client.SendConnectAsync(token);
        var ack = await client.ReadAsync();
        Assert.Equal(MessageType.ConnectAck, ack!.Type);
        Assert.Equal(RpcMessage.ConnectionAccepted, ack.Flags);
        return client;
    }

    public Task SendConnectAsync(string token, string version = "0.1.0") => SendAsync(RpcMessage.Encode(
        MessageType.Connect, 0, 0, [Header.Of(":version", version)], Json(new() { ["authToken"] = token })));

    public async Task SendAsync(byte[] bytes) => await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>Opens a stream with a request and returns its id.</summary>
    public async Task<int> RequestAsync(string operation, JsonObject request)
    {
        latestStream++;
        await SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, 0, latestStream,
            [Header.Of("operation", "aws.greengrass#" + operation)], Json(request)));
        return latestStream;
    }

    public async Task<RpcMessage> CallAsync(string operation, JsonObject request)
    {
        await RequestAsync(operation, request);
        return (await ReadAsync())!;
    }

    /// <summary>The next message, or null when the server closed the connection.</summary>
    public async Task<RpcMessage?> ReadAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience.Limit);
        try
        {
            return await Frame.ReadAsync(stream, limit.Token) is { } frame ? RpcMessage.From(frame) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync() => await stream.DisposeAsync();

    private static byte[] Json(JsonObject value) => System.Text.Encoding.UTF8.GetBytes(value.ToJsonString());
}

internal static class MessageAssertions
{
    public static JsonNode Body(this RpcMessage message) => JsonNode.Parse(message.Frame.Payload.Span)!;

    public static void ShouldBeError(this RpcMessage message, string name)
    {
        Assert.Equal(MessageType.ApplicationError, message.Type);
        Assert.True(message.Terminates);
        Assert.Equal("aws.greengrass#" + name, message.Frame.Find("service-model-type")?.AsString);
    }
}
