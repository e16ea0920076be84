using System.Buffers.Binary;

namespace Greengrass.Ipc.Tests;

public sealed class ConnectionTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task A_ping_is_answered_with_its_payload_and_its_own_headers()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        await nucleus.SendAsync(2, 0, 0, "are you there", Frames.Text("nonce", "7"), Frames.Text(":content-type", "text/plain"), Frames.Int32("n", 5));

        var pong = await nucleus.ReadAsync();
        Assert.Equal((3, 0, 0, "are you there"), (pong.Type, pong.Flags, pong.StreamId, pong.Payload));
        Assert.Equal("7", pong.Headers["nonce"]);
        Assert.Equal(5, pong.Headers["n"]);
        Assert.Equal(5, pong.Headers.Count);
    }

    [Fact]
    public async Task Pings_are_answered_while_a_call_waits()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();

        for (var i = 0; i < 200; i++)
        {
            await nucleus.SendAsync(2, 0, 0, "ping" + i);
            Assert.Equal("ping" + i, (await nucleus.ReadAsync()).Payload);
        }

        await nucleus.RespondAsync(1, "PublishToIoTCore");
        await publishing;
    }

    [Fact]
    public async Task Messages_of_unknown_types_and_for_unknown_streams_are_ignored()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        await nucleus.SendAsync(99, 0, 0);
        await nucleus.SendAsync(5, 1, 0);
        await nucleus.SendAsync(3, 0, 0, "an answer to no ping");
        await nucleus.SendAsync(0, 0, 77, "{}");
        await nucleus.SendAsync(1, 2, -1, "{}");

        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();
        await nucleus.RespondAsync(1, "PublishToIoTCore");
        await publishing;
    }

    public static TheoryData<string, byte[], bool, int> Ends => new()
    {
        { "closed between messages", [], true, (int)IpcConnectionFailure.Lost },
        { "closed inside a prelude", [0, 0, 0, 32, 0], true, (int)IpcConnectionFailure.ProtocolViolation },
        { "closed inside a message", Frames.Message(0, 2, 1, "{}")[..^3], true, (int)IpcConnectionFailure.ProtocolViolation },
        { "garbage", [.. Enumerable.Range(0, 64).Select(i => (byte)(i * 37))], false, (int)IpcConnectionFailure.ProtocolViolation },
        { "bad message checksum", [.. Frames.Message(0, 2, 1, "{}")[..^1], 0], false, (int)IpcConnectionFailure.ProtocolViolation },
        { "message too long", Prelude(24 * 1024 * 1024 + 1), false, (int)IpcConnectionFailure.ProtocolViolation },
        { "no headers", Frames.Frame([], [1, 2, 3]), false, (int)IpcConnectionFailure.ProtocolViolation },
        { "stream id of another type", Frames.Frame(
            [.. Frames.Int32(":message-type", 0), .. Frames.Int32(":message-flags", 0), .. Frames.Text(":stream-id", "1")], []), false, (int)IpcConnectionFailure.ProtocolViolation },
        { "protocol error", Frames.Message(6, 0, 0, """{"message":"stream id gap"}"""), false, (int)IpcConnectionFailure.ProtocolViolation },
        { "internal error", Frames.Message(7, 0, 0), false, (int)IpcConnectionFailure.ProtocolViolation },
    };

    [Theory, MemberData(nameof(Ends))]
    public async Task The_end_of_a_connection_ends_everything_on_it_with_the_reason(string how, byte[] last, bool close, int expected)
    {
        Assert.NotEmpty(how);
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();
        await nucleus.RespondAsync(1, "SubscribeToIoTCore", flags: 0);
        var subscription = await subscribing;
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();
        var reading = subscription.GetAsyncEnumerator().MoveNextAsync();

        await nucleus.SendAsync(last);
        if (close)
            await nucleus.DisposeAsync();

        var reason = await client.Closed;
        Assert.Equal((IpcConnectionFailure)expected, reason.Failure);
        Assert.Same(reason, await Assert.ThrowsAsync<IpcConnectionException>(() => publishing));
        Assert.Same(reason, await Assert.ThrowsAsync<IpcConnectionException>(async () => await reading));
        Assert.Same(reason, await Assert.ThrowsAsync<IpcConnectionException>(() => client.PublishToIoTCoreAsync("b", default)));
        await subscription.DisposeAsync();
        if (!close)
            Assert.True(await nucleus.IsClosedAsync());
    }

    [Fact]
    public async Task The_nucleus_s_own_words_are_in_the_reason()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await nucleus.SendAsync(6, 0, 0, """{"message":"stream id gap"}""");
        Assert.Contains("stream id gap", (await client.Closed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_longer_than_the_connection_s_limit_is_not_waited_for()
    {
        var (client, nucleus) = await server.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "T", MaxMessageBytes = 10_000 });
        await using var _ = client;
        await nucleus.SendAsync(Prelude(10_001));
        Assert.Equal(IpcConnectionFailure.ProtocolViolation, (await client.Closed).Failure);
    }

    [Fact]
    public async Task A_message_of_megabytes_in_small_pieces_arrives_whole()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var reading = client.GetConfigurationAsync();
        await nucleus.ReadAsync();
        var text = new string('x', 3 * 1024 * 1024);

        foreach (var piece in Frames.Message(0, 2, 1, $$$"""{"value":{"text":"{{{text}}}"}}""").Chunk(60_000))
            await nucleus.SendAsync(piece);

        Assert.Equal(text, (await reading).GetProperty("text").GetString());
    }

    [Fact]
    public async Task Disposing_ends_subscriptions_tells_the_nucleus_and_fails_what_is_under_way()
    {
        var (client, nucleus) = await server.ConnectAsync();
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();
        await nucleus.RespondAsync(1, "SubscribeToIoTCore", flags: 0);
        var subscription = await subscribing;
        var reading = subscription.GetAsyncEnumerator().MoveNextAsync();
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();

        await client.DisposeAsync();
        await client.DisposeAsync();

        int[] terminated = [(await nucleus.ReadAsync()).StreamId, (await nucleus.ReadAsync()).StreamId];
        Assert.Equal([1, 2], terminated.Order());
        Assert.True(await nucleus.IsClosedAsync());
        Assert.False(await reading);
        Assert.Equal(IpcConnectionFailure.Disposed, (await Assert.ThrowsAsync<IpcConnectionException>(() => publishing)).Failure);
        Assert.Equal(IpcConnectionFailure.Disposed, (await client.Closed).Failure);
        Assert.Equal(
            IpcConnectionFailure.Disposed, (await Assert.ThrowsAsync<IpcConnectionException>(() => client.PublishToIoTCoreAsync("b", default))).Failure);
    }

    [Fact]
    public async Task Disposing_does_not_wait_for_a_nucleus_that_does_not_read()
    {
        var (client, nucleus) = await server.ConnectAsync();
        var stuck = client.PublishToIoTCoreAsync("a", new byte[4 * 1024 * 1024]);

        await client.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(15));

        await Assert.ThrowsAsync<IpcConnectionException>(() => stuck);
        await nucleus.DisposeAsync();
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private static byte[] Prelude(int total)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(bytes, total);
        return Frames.WithChecksum(bytes);
    }
}
