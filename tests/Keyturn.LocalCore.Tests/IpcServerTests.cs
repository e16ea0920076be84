using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.LocalCore.Tests;

public sealed class IpcServerTests : IAsyncLifetime
{
    private const string Token = "TOKEN";

    private readonly string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N") + ".socket");
    private readonly List<IpcStream> streams = [];
    private IpcServer server = null!;

    public ValueTask InitializeAsync()
    {
        server = new(path, token => token == Token ? "com.example.Component" : null,
        [
            new("Echo", Streaming: false, (_, request, _) => ValueTask.FromResult(new JsonObject { ["echo"] = request.DeepClone() })),
            new("Break", Streaming: false, (_, _, _) => throw new InvalidOperationException("broken")),
            new("Refuse", Streaming: false, (_, _, _) => throw IpcException.NotFound("Key not found")),
            new("Wait", Streaming: true, async (_, _, cancellation) => { await Task.Delay(-1, cancellation); return []; }),
            new("Listen", Streaming: true, (stream, _, _) =>
            {
                stream.SendEvent("aws.greengrass#TooEarly", []);
                streams.Add(stream);
                return ValueTask.FromResult(new JsonObject());
            }),
        ], NullLogger.Instance);
        server.Start();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task A_call_is_answered_once_and_its_stream_ends()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);

        var answer = await client.CallAsync("Echo", new() { ["a"] = 1 });

        Assert.Equal((MessageType.ApplicationMessage, RpcMessage.TerminateStream, 1), (answer.Type, answer.Flags, answer.StreamId));
        Assert.Equal("aws.greengrass#EchoResponse", answer.Frame.Find("service-model-type")?.AsString);
        Assert.Equal("""{"echo":{"a":1}}""", answer.Body().ToJsonString());
    }

    [Theory]
    [InlineData("WRONG", "0.1.0")]
    [InlineData(Token, "0.1.1")]
    public async Task A_wrong_token_or_version_is_acknowledged_without_acceptance_and_closed(string token, string version)
    {
        await using var client = await TestClient.OpenAsync(path);
        await client.SendConnectAsync(token, version);

        var ack = await client.ReadAsync();

        Assert.Equal((MessageType.ConnectAck, 0), (ack!.Type, ack.Flags));
        Assert.Null(await client.ReadAsync());
    }

    [Fact]
    public async Task Nothing_is_served_before_the_handshake()
    {
        await using var client = await TestClient.OpenAsync(path);
        await client.RequestAsync("Echo", []);

        await ProtocolErrorAsync(client);
    }

    [Fact]
    public async Task A_second_connect_breaks_the_protocol()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.SendConnectAsync(Token);

        await ProtocolErrorAsync(client);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public async Task A_stream_id_that_is_not_the_next_breaks_the_protocol(int stream)
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, 0, stream, [Header.Of("operation", "aws.greengrass#Echo")], "{}"u8.ToArray()));

        await ProtocolErrorAsync(client);
    }

    [Fact]
    public async Task A_new_stream_without_an_operation_breaks_the_protocol()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, 0, 1, [], "{}"u8.ToArray()));

        await ProtocolErrorAsync(client);
    }

    [Fact]
    public async Task A_frame_without_the_mandatory_headers_breaks_the_protocol()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.SendAsync(new Frame([Header.Of(":message-type", 0), Header.Of(":stream-id", 1)], default).Encode());

        await ProtocolErrorAsync(client);
    }

    [Fact]
    public async Task A_message_on_a_closed_stream_breaks_the_protocol_unless_it_closes_too()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.CallAsync("Echo", []);
        await client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, RpcMessage.TerminateStream, 1, [], default));
        Assert.Equal(2, (await client.CallAsync("Echo", [])).StreamId);

        await client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, 0, 1, [], default));

        await ProtocolErrorAsync(client);
    }

    [Fact]
    public async Task Bytes_that_are_no_frame_close_the_connection_and_no_other()
    {
        await using var good = await TestClient.ConnectAsync(path, Token);
        foreach (var garbage in new[] { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\0\0\0\u0010\0\0\0\0oops", new string('z', 100_000) })
        {
            await using var bad = await TestClient.ConnectAsync(path, Token);
            await bad.SendAsync(Encoding.Latin1.GetBytes(garbage));
            Assert.Null(await bad.ReadAsync());
        }

        Assert.Equal(MessageType.ApplicationMessage, (await good.CallAsync("Echo", [])).Type);
    }

    [Fact]
    public async Task A_client_that_leaves_inside_a_frame_disturbs_no_one()
    {
        await using var good = await TestClient.ConnectAsync(path, Token);
        await using (var bad = await TestClient.ConnectAsync(path, Token))
            await bad.SendAsync([0, 0, 1]);

        Assert.Equal(MessageType.ApplicationMessage, (await good.CallAsync("Echo", [])).Type);
    }

    [Fact]
    public async Task An_unknown_operation_is_refused_in_the_form_without_a_model_type()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);

        var answer = await client.CallAsync("Juggle", []);

        Assert.Equal((MessageType.ApplicationError, RpcMessage.TerminateStream), (answer.Type, answer.Flags));
        Assert.Null(answer.Frame.Find("service-model-type"));
        Assert.Equal("Unsupported Operation", (string?)answer.Body()["error"]);
    }

    [Theory]
    [InlineData("Break", "{}")]
    [InlineData("Echo", "[1]")]
    [InlineData("Echo", "{\"a\":")]
    [InlineData("Echo", "")]
    public async Task A_broken_handler_or_request_is_an_internal_server_error_in_plain_text(string operation, string payload)
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, 0, 1, [Header.Of("operation", "aws.greengrass#" + operation)], Encoding.UTF8.GetBytes(payload)));

        var answer = (await client.ReadAsync())!;

        Assert.Equal((MessageType.ApplicationError, RpcMessage.TerminateStream), (answer.Type, answer.Flags));
        Assert.Equal("text/plain", answer.Frame.Find(":content-type")?.AsString);
        Assert.Equal("InternalServerError", Encoding.UTF8.GetString(answer.Frame.Payload.Span));
    }

    [Fact]
    public async Task A_refusal_carries_its_model_name_and_message()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);

        var answer = await client.CallAsync("Refuse", []);

        answer.ShouldBeError("ResourceNotFoundError");
        Assert.Equal("Key not found", (string?)answer.Body()["message"]);
    }

    [Fact]
    public async Task A_ping_is_answered_with_its_payload_and_its_own_headers()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.SendAsync(RpcMessage.Encode(MessageType.Ping, 0, 0, [Header.Of("mine", "x"), Header.Of(":not-mine", "y")], "hello"u8.ToArray()));

        var answer = (await client.ReadAsync())!;

        Assert.Equal((MessageType.PingResponse, 0), (answer.Type, answer.StreamId));
        Assert.Equal("x", answer.Frame.Find("mine")?.AsString);
        Assert.Null(answer.Frame.Find(":not-mine"));
        Assert.Equal("hello"u8.ToArray(), answer.Frame.Payload.ToArray());
    }

    [Fact]
    public async Task A_subscription_gets_its_response_first_then_events_until_it_is_closed()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        var response = await client.CallAsync("Listen", []);
        Assert.Equal(("aws.greengrass#ListenResponse", 0), (response.Frame.Find("service-model-type")?.AsString, response.Flags));

        await Patience.UntilAsync(() => streams.Count == 1, "the stream");
        streams[0].SendEvent("aws.greengrass#Event", new() { ["n"] = 1 });
        Assert.Equal("""{"n":1}""", (await client.ReadAsync())!.Body().ToJsonString());
        await client.SendAsync(RpcMessage.Encode(MessageType.ApplicationMessage, RpcMessage.TerminateStream, 1, [], default));
        var closed = false;
        streams[0].WhenClosed(() => closed = true);
        await Patience.UntilAsync(() => closed, "the stream to close");
        streams[0].SendEvent("aws.greengrass#Event", new() { ["n"] = 2 });

        Assert.Equal(2, (await client.CallAsync("Echo", [])).StreamId);
    }

    [Fact]
    public async Task One_call_that_never_ends_holds_up_no_other()
    {
        await using var client = await TestClient.ConnectAsync(path, Token);
        await client.RequestAsync("Wait", []);

        Assert.Equal(2, (await client.CallAsync("Echo", [])).StreamId);
    }

    private static async Task ProtocolErrorAsync(TestClient client)
    {
        var error = (await client.ReadAsync())!;
        Assert.Equal((MessageType.ProtocolError, 0), (error.Type, error.StreamId));
        Assert.NotEmpty((string)error.Body()["message"]!);
        Assert.Null(await client.ReadAsync());
    }
}
