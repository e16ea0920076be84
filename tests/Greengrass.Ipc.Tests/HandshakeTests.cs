using Microsoft.Extensions.Time.Testing;

namespace Greengrass.Ipc.Tests;

public sealed class HandshakeTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task Sends_version_and_token_on_stream_zero_and_nothing_more_before_the_answer()
    {
        var connecting = GreengrassIpcClient.ConnectAsync(server.Options);
        await using var nucleus = await server.AcceptAsync();

        var connect = await nucleus.ReadAsync();

        Assert.Equal((4, 0, 0), (connect.Type, connect.Flags, connect.StreamId));
        Assert.Equal("0.1.0", connect.Headers[":version"]);
        Assert.Equal("""{"authToken":"TOKEN"}""", connect.Payload);
        Assert.Equal(
            "0000006D000000487C87A5370D3A6D6573736167652D7479706504000000040E3A6D6573736167652D666C61677304000000000A3A73747265616D2D6964040000000008"
            + "3A76657273696F6E070005302E312E307B2261757468546F6B656E223A22544F4B454E227DC12A25EA",
            Convert.ToHexString(connect.Bytes));
        Assert.False(connecting.IsCompleted);
        Assert.False(nucleus.HasData);
        await nucleus.SendAsync(5, 1, 0);
        await (await connecting).DisposeAsync();
    }

    [Fact]
    public async Task Accepts_an_answer_with_its_headers_in_any_order_and_case_and_with_more_of_them()
    {
        var connecting = GreengrassIpcClient.ConnectAsync(server.Options);
        await using var nucleus = await server.AcceptAsync();
        await nucleus.ReadAsync();

        await nucleus.SendAsync(Frames.Frame(
            [.. Frames.Text("svcuid", "NEW"), .. Frames.Int32(":Stream-Id", 0), .. Frames.Int32(":MESSAGE-FLAGS", 1), .. Frames.Int32(":message-type", 5)], []));

        await (await connecting).DisposeAsync();
    }

    [Fact]
    public async Task A_refusal_with_an_answer_is_told_as_one()
    {
        var failure = await FailAsync(server.Options, nucleus => nucleus.SendAsync(5, 0, 0));
        Assert.Equal(IpcConnectionFailure.Refused, failure.Failure);
    }

    [Fact]
    public async Task A_refusal_by_closing_without_an_answer_is_told_as_one()
    {
        var failure = await FailAsync(server.Options, _ => Task.CompletedTask);
        Assert.Equal(IpcConnectionFailure.Refused, failure.Failure);
    }

    [Fact]
    public async Task A_refused_token_falls_back_to_the_component_name_on_a_new_connection()
    {
        var connecting = GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "VOID", ComponentName = "my.Component" });
        await using (var first = await server.AcceptAsync())
            Assert.Equal("""{"authToken":"VOID"}""", (await first.ReadAsync()).Payload);

        await using var second = await server.AcceptAsync();
        var connect = await second.AcceptHandshakeAsync();

        Assert.Equal("""{"componentName":"my.Component"}""", connect.Payload);
        await (await connecting).DisposeAsync();
    }

    [Fact]
    public async Task Without_a_token_the_component_name_is_sent_at_once()
    {
        var connecting = GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, ComponentName = "my.Component" });
        await using var nucleus = await server.AcceptAsync();
        Assert.Equal("""{"componentName":"my.Component"}""", (await nucleus.AcceptHandshakeAsync()).Payload);
        await (await connecting).DisposeAsync();
    }

    [Fact]
    public async Task A_protocol_error_in_place_of_the_answer_is_quoted()
    {
        var failure = await FailAsync(server.Options, nucleus => nucleus.SendAsync(6, 0, 0, """{"message":"wrong version"}"""));
        Assert.Equal(IpcConnectionFailure.ProtocolViolation, failure.Failure);
        Assert.Contains("wrong version", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_application_message_in_place_of_the_answer_is_not_an_acceptance()
    {
        var failure = await FailAsync(server.Options, nucleus => nucleus.SendAsync(0, 1, 0));
        Assert.Equal(IpcConnectionFailure.ProtocolViolation, failure.Failure);
    }

    [Fact]
    public async Task Garbage_in_place_of_the_answer_is_a_protocol_violation()
    {
        var failure = await FailAsync(server.Options, nucleus => nucleus.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray()));
        Assert.Equal(IpcConnectionFailure.ProtocolViolation, failure.Failure);
    }

    [Fact]
    public async Task An_answer_without_a_mandatory_header_is_a_protocol_violation()
    {
        var failure = await FailAsync(
            server.Options, nucleus => nucleus.SendAsync(Frames.Frame([.. Frames.Int32(":message-type", 5), .. Frames.Int32(":message-flags", 1)], [])));
        Assert.Equal(IpcConnectionFailure.ProtocolViolation, failure.Failure);
        Assert.Contains(":stream-id", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Waits_thirty_seconds_for_the_answer_and_then_closes()
    {
        var time = new FakeTimeProvider();
        var connecting = GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "TOKEN", TimeProvider = time });
        await using var nucleus = await server.AcceptAsync();
        await nucleus.ReadAsync();

        time.Advance(TimeSpan.FromSeconds(29.9));
        Assert.False(connecting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));

        var failure = await Assert.ThrowsAsync<IpcConnectionException>(() => connecting);
        Assert.Equal(IpcConnectionFailure.TimedOut, failure.Failure);
        Assert.True(await nucleus.IsClosedAsync());
    }

    [Fact]
    public async Task Cancelling_gives_up_and_closes()
    {
        using var cancel = new CancellationTokenSource();
        var connecting = GreengrassIpcClient.ConnectAsync(server.Options, cancel.Token);
        await using var nucleus = await server.AcceptAsync();
        await nucleus.ReadAsync();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        Assert.True(await nucleus.IsClosedAsync());
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task<IpcConnectionException> FailAsync(GreengrassIpcOptions options, Func<NucleusConnection, Task> answer)
    {
        var connecting = GreengrassIpcClient.ConnectAsync(options);
        await using (var nucleus = await server.AcceptAsync())
        {
            await nucleus.ReadAsync();
            await answer(nucleus);
        }

        return await Assert.ThrowsAsync<IpcConnectionException>(() => connecting);
    }
}
