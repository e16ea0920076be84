using Microsoft.Extensions.Time.Testing;

namespace Greengrass.Ipc.Tests;

public sealed class CallTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task Stream_ids_go_up_by_one_whoever_calls_and_answers_may_come_in_any_order()
    {
        const int Calls = 40;
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var calls = Enumerable.Range(0, Calls).Select(i => Task.Run(() => client.GetConfigurationAsync("c" + i))).ToArray();
        var requests = new List<ReceivedFrame>();
        for (var id = 1; id <= Calls; id++)
        {
            requests.Add(await nucleus.ReadAsync());
            Assert.Equal(id, requests[^1].StreamId);
        }

        foreach (var request in Enumerable.Reverse(requests))
        {
            var name = request.Json.GetProperty("componentName").GetString();
            await nucleus.RespondAsync(request.StreamId, "GetConfiguration", $$"""{"componentName":"{{name}}","value":{"is":"{{name}}"} }""");
        }

        for (var i = 0; i < Calls; i++)
            Assert.Equal("c" + i, (await calls[i]).GetProperty("is").GetString());
    }

    [Theory]
    [InlineData("UnauthorizedError", """{"message":"no","_message":"other"}""", "no")]
    [InlineData("ServiceError", """{"_message":"broken","_errorCode":"ServiceError"}""", "broken")]
    [InlineData("ServiceError", """{"_message":""}""", "")]
    [InlineData("ResourceNotFoundError", """{"message":"gone","resourceType":null}""", "gone")]
    [InlineData("InvalidArgumentsError", "", "")]
    [InlineData("ConflictError", "not json", "not json")]
    [InlineData("FailedUpdateConditionCheckError", "[1]", "[1]")]
    public async Task A_modelled_error_is_thrown_with_its_name_and_the_connection_goes_on(string name, string payload, string message)
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var error = await FailAsync(client, nucleus, 1, payload, Frames.Text("service-model-type", "aws.greengrass#" + name));

        Assert.Equal((name, message, "PublishToIoTCore"), (error.ErrorName, error.ServiceMessage, error.Operation));
        await AssertUsableAsync(client, nucleus, 2);
    }

    [Fact]
    public async Task An_error_in_plain_text_is_an_internal_server_error()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var error = await FailAsync(client, nucleus, 1, "InternalServerError", Frames.Text(":content-type", "text/plain"));

        Assert.Equal((IpcErrorNames.InternalServerError, "InternalServerError"), (error.ErrorName, error.ServiceMessage));
        await AssertUsableAsync(client, nucleus, 2);
    }

    [Theory]
    [InlineData("""{"message":"cut off \ud83d"}""")]
    [InlineData("""{"error":"\udc00"}""")]
    public async Task An_error_that_is_not_Unicode_fails_that_call_alone(string payload)
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var error = await FailAsync(client, nucleus, 1, payload, Frames.Text("service-model-type", "aws.greengrass#ServiceError"));

        Assert.Equal(("ServiceError", payload), (error.ErrorName, error.ServiceMessage));
        await AssertUsableAsync(client, nucleus, 2);
    }

    [Fact]
    public async Task A_stream_that_the_nucleus_closes_is_no_answer_that_says_yes()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();
        await nucleus.SendAsync(0, 2, 1);
        Assert.Contains("without a response", (await Assert.ThrowsAsync<IpcProtocolException>(() => publishing)).Message, StringComparison.Ordinal);

        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();
        await nucleus.SendAsync(0, 2, 2);
        await Assert.ThrowsAsync<IpcProtocolException>(() => subscribing);
        await AssertUsableAsync(client, nucleus, 3);
    }

    [Fact]
    public async Task An_unknown_operation_is_told_as_unsupported()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var error = await FailAsync(
            client, nucleus, 1, """{"error":"Unsupported Operation","message":"no such thing"}""", Frames.Text(":content-type", "application/json"));

        Assert.Equal((IpcErrorNames.UnsupportedOperation, "no such thing"), (error.ErrorName, error.ServiceMessage));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"componentName":"c"}""")]
    [InlineData("""{"componentName":7,"value":{}}""")]
    public async Task An_answer_that_is_not_what_the_operation_promises_fails_that_call_alone(string payload)
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var reading = client.GetConfigurationAsync();
        await nucleus.ReadAsync();

        await nucleus.RespondAsync(1, "GetConfiguration", payload);

        await Assert.ThrowsAsync<IpcProtocolException>(() => reading);
        await AssertUsableAsync(client, nucleus, 2);
    }

    [Fact]
    public async Task An_answer_that_leaves_the_stream_open_as_nucleus_lite_does_is_taken_and_the_stream_closed()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();

        await nucleus.RespondAsync(1, "PublishToIoTCore", flags: 0);

        await publishing;
        var terminate = await nucleus.ReadAsync();
        Assert.Equal((0, 2, 1), (terminate.Type, terminate.Flags, terminate.StreamId));
    }

    [Fact]
    public async Task A_call_without_an_answer_times_out_closes_its_stream_and_ignores_the_late_answer()
    {
        var time = new FakeTimeProvider();
        var (client, nucleus) = await server.ConnectAsync(
            new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "T", TimeProvider = time, CallTimeout = TimeSpan.FromSeconds(5) });
        await using var _ = client;
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();

        time.Advance(TimeSpan.FromSeconds(5));

        var error = await Assert.ThrowsAsync<TimeoutException>(() => publishing);
        Assert.Contains("PublishToIoTCore", error.Message, StringComparison.Ordinal);
        var terminate = await nucleus.ReadAsync();
        Assert.Equal((0, 2, 1), (terminate.Type, terminate.Flags, terminate.StreamId));
        await nucleus.RespondAsync(1, "PublishToIoTCore");
        await AssertUsableAsync(client, nucleus, 2);
    }

    [Fact]
    public async Task Cancelling_a_call_closes_its_stream()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        using var cancel = new CancellationTokenSource();
        var subscribing = client.SubscribeToIoTCoreAsync("a", cancellationToken: cancel.Token);
        await nucleus.ReadAsync();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => subscribing);
        var terminate = await nucleus.ReadAsync();
        Assert.Equal((0, 2, 1), (terminate.Type, terminate.Flags, terminate.StreamId));
        await AssertUsableAsync(client, nucleus, 2);
    }

    [Fact]
    public async Task A_call_cancelled_before_it_is_sent_uses_no_stream_id()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.PublishToIoTCoreAsync("a", default, cancellationToken: new CancellationToken(true)));

        await AssertUsableAsync(client, nucleus, 1);
    }

    [Fact]
    public async Task A_request_longer_than_the_nucleus_takes_is_refused_here_and_uses_no_stream_id()
    {
        var (client, nucleus) = await server.ConnectAsync(new GreengrassIpcOptions
        {
            SocketPath = server.SocketPath, AuthToken = "T", MaxMessageBytes = GreengrassIpcOptions.NucleusLiteMaxMessageBytes,
        });
        await using var _ = client;

        var error = await Assert.ThrowsAsync<ArgumentException>(() => client.PublishToIoTCoreAsync("a", new byte[7500]));

        Assert.Contains("10000", error.Message, StringComparison.Ordinal);
        var publishing = client.PublishToIoTCoreAsync("a", new byte[7200]);
        var request = await nucleus.ReadAsync();
        Assert.Equal(1, request.StreamId);
        Assert.InRange(request.Bytes.Length, 9_700, 10_000);
        await nucleus.RespondAsync(1, "PublishToIoTCore");
        await publishing;
    }

    [Fact]
    public async Task A_nucleus_that_does_not_read_delays_the_call_only_until_its_timeout()
    {
        var time = new FakeTimeProvider();
        var (client, nucleus) = await server.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "T", TimeProvider = time });
        await using var _ = client;
        var stuck = client.PublishToIoTCoreAsync("a", new byte[4 * 1024 * 1024]);
        var behind = client.PublishToIoTCoreAsync("b", default);

        time.Advance(TimeSpan.FromSeconds(30));

        await Assert.ThrowsAsync<TimeoutException>(() => stuck);
        await Assert.ThrowsAsync<TimeoutException>(() => behind);
        Assert.False(client.Closed.IsCompleted);

        // The frame that was begun still leaves whole, then the closing of its stream.
        Assert.Equal(1, (await nucleus.ReadAsync()).StreamId);
        Assert.Equal((2, 1), await nucleus.ReadAsync() is var f ? (f.Flags, f.StreamId) : default);
        await AssertUsableAsync(client, nucleus, 2);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private static async Task<IpcServiceException> FailAsync(
        GreengrassIpcClient client, NucleusConnection nucleus, int streamId, string payload, params byte[][] headers)
    {
        var publishing = client.PublishToIoTCoreAsync("a", default);
        await nucleus.ReadAsync();
        await nucleus.SendAsync(1, 2, streamId, payload, headers);
        return await Assert.ThrowsAsync<IpcServiceException>(() => publishing);
    }

    private static async Task AssertUsableAsync(GreengrassIpcClient client, NucleusConnection nucleus, int expectedId)
    {
        var reading = client.GetConfigurationAsync();
        Assert.Equal(expectedId, (await nucleus.ReadAsync()).StreamId);
        await nucleus.RespondAsync(expectedId, "GetConfiguration", """{"value":{"fine":true}}""");
        Assert.True((await reading).GetProperty("fine").GetBoolean());
    }
}
