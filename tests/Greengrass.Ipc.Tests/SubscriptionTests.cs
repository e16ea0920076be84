using System.Text;

namespace Greengrass.Ipc.Tests;

public sealed class SubscriptionTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task Events_in_the_same_packet_as_the_response_are_not_lost()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();

        await nucleus.SendAsync([
            .. Frames.Message(0, 0, 1, "{}", Frames.Text("service-model-type", "aws.greengrass#SubscribeToIoTCoreResponse")),
            .. Event(1, "one"), .. Event(1, "two")]);

        await using var subscription = await subscribing;
        Assert.Equal(["one", "two"], await TakeAsync(subscription, 2));
    }

    [Fact]
    public async Task An_event_that_overtakes_the_response_as_on_nucleus_lite_is_not_taken_for_it()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();

        await nucleus.SendAsync(Event(1, "early"));
        Assert.False(subscribing.IsCompleted);
        await nucleus.RespondAsync(1, "SubscribeToIoTCore", flags: 0);
        await nucleus.SendAsync(Event(1, "late"));

        await using var subscription = await subscribing;
        Assert.Equal(["early", "late"], await TakeAsync(subscription, 2));
    }

    [Fact]
    public async Task A_response_without_a_model_type_is_a_response()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();
        await nucleus.SendAsync(0, 0, 1, "{}");
        await nucleus.SendAsync(Event(1, "one"));
        await using var subscription = await subscribing;
        Assert.Equal(["one"], await TakeAsync(subscription, 1));
    }

    [Fact]
    public async Task Events_go_to_their_own_subscription_and_a_full_one_holds_up_nobody()
    {
        var (client, nucleus) = await ConnectAsync(capacity: 3);
        await using var _ = client;
        await using var slow = await SubscribeAsync(client, nucleus, 1);
        await using var other = await SubscribeAsync(client, nucleus, 2);

        for (var i = 1; i <= 3; i++)
            await nucleus.SendAsync(Event(1, "slow" + i));
        await nucleus.SendAsync(Event(2, "other"));

        Assert.Equal(["other"], await TakeAsync(other, 1));
        Assert.Equal(["slow1", "slow2", "slow3"], await TakeAsync(slow, 3));
    }

    [Fact]
    public async Task One_event_too_many_closes_the_subscription_after_what_was_kept_is_read()
    {
        var (client, nucleus) = await ConnectAsync(capacity: 3);
        await using var _ = client;
        await using var subscription = await SubscribeAsync(client, nucleus, 1);

        for (var i = 1; i <= 5; i++)
            await nucleus.SendAsync(Event(1, "m" + i));

        var terminate = await nucleus.ReadAsync();
        Assert.Equal((0, 2, 1), (terminate.Type, terminate.Flags, terminate.StreamId));
        var read = new List<string>();
        await Assert.ThrowsAsync<IpcSubscriptionOverflowException>(async () =>
        {
            await foreach (var message in subscription)
                read.Add(Encoding.UTF8.GetString(message.Payload.Span));
        });
        Assert.Equal(["m1", "m2", "m3"], read);
        await using var again = await SubscribeAsync(client, nucleus, 2);
    }

    [Fact]
    public async Task Unsubscribing_twice_tells_the_nucleus_once_and_messages_that_cross_are_ignored()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscription = await SubscribeAsync(client, nucleus, 1);

        await subscription.DisposeAsync();
        await subscription.DisposeAsync();
        await nucleus.SendAsync(Event(1, "late"));
        await nucleus.SendAsync(1, 2, 1, "{}", Frames.Text("service-model-type", "aws.greengrass#ServiceError"));

        Assert.Equal(2, (await nucleus.ReadAsync()).Flags);
        await using var next = await SubscribeAsync(client, nucleus, 2);
        Assert.False(nucleus.HasData);
    }

    [Fact]
    public async Task The_nucleus_may_end_a_subscription_with_or_without_a_last_event()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var silent = await SubscribeAsync(client, nucleus, 1);
        var spoken = await SubscribeAsync(client, nucleus, 2);

        await nucleus.SendAsync(0, 2, 1);
        await nucleus.SendAsync(0, 2, 2, """{"message":{"topicName":"a","payload":"bGFzdA=="}}""", Frames.Text("service-model-type", "aws.greengrass#IoTCoreMessage"));

        Assert.Empty(await ReadAllAsync(silent));
        Assert.Equal(["last"], await ReadAllAsync(spoken));
        await silent.DisposeAsync();
        await spoken.DisposeAsync();
        await using var next = await SubscribeAsync(client, nucleus, 3);
    }

    [Fact]
    public async Task An_error_on_a_subscription_is_thrown_to_its_reader()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await using var subscription = await SubscribeAsync(client, nucleus, 1);

        await nucleus.SendAsync(Event(1, "before"));
        await nucleus.SendAsync(1, 2, 1, """{"message":"gone"}""", Frames.Text("service-model-type", "aws.greengrass#ServiceError"));

        Assert.Equal(["before"], await TakeAsync(subscription, 1));
        Assert.Equal("gone", (await Assert.ThrowsAsync<IpcServiceException>(() => ReadAllAsync(subscription))).ServiceMessage);
    }

    [Fact]
    public async Task A_refused_subscription_throws_and_leaves_nothing_open()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();
        await nucleus.SendAsync(1, 2, 1, """{"message":"no"}""", Frames.Text("service-model-type", "aws.greengrass#UnauthorizedError"));

        Assert.Equal(IpcErrorNames.UnauthorizedError, (await Assert.ThrowsAsync<IpcServiceException>(() => subscribing)).ErrorName);
        await using var next = await SubscribeAsync(client, nucleus, 2);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("{}")]
    [InlineData("""{"message":null}""")]
    [InlineData("""{"message":{"payload":"b25l"}}""")]
    [InlineData("""{"message":{"topicName":5,"payload":"b25l"}}""")]
    [InlineData("""{"message":{"topicName":"a","payload":"not base64!"}}""")]
    public async Task An_event_that_is_not_what_the_operation_promises_closes_that_subscription_alone(string payload)
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await using var subscription = await SubscribeAsync(client, nucleus, 1);
        await using var other = await SubscribeAsync(client, nucleus, 2);

        await nucleus.SendAsync(0, 0, 1, payload, Frames.Text("service-model-type", "aws.greengrass#IoTCoreMessage"));
        await nucleus.SendAsync(Event(2, "fine"));

        await Assert.ThrowsAsync<IpcProtocolException>(() => ReadAllAsync(subscription));
        var terminate = await nucleus.ReadAsync();
        Assert.Equal((2, 1), (terminate.Flags, terminate.StreamId));
        Assert.Equal(["fine"], await TakeAsync(other, 1));
    }

    [Fact]
    public async Task Cancelling_the_enumeration_keeps_the_subscription()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await using var subscription = await SubscribeAsync(client, nucleus, 1);
        using var cancel = new CancellationTokenSource();
        var reading = subscription.GetAsyncEnumerator(cancel.Token).MoveNextAsync();

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await reading);

        await nucleus.SendAsync(Event(1, "still here"));
        Assert.Equal(["still here"], await TakeAsync(subscription, 1));
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private Task<(GreengrassIpcClient, NucleusConnection)> ConnectAsync(int capacity) =>
        server.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "T", SubscriptionCapacity = capacity });

    private static async Task<IpcSubscription<IoTCoreMessage>> SubscribeAsync(GreengrassIpcClient client, NucleusConnection nucleus, int expectedId)
    {
        var subscribing = client.SubscribeToIoTCoreAsync("topic");
        Assert.Equal(expectedId, (await nucleus.ReadAsync()).StreamId);
        await nucleus.RespondAsync(expectedId, "SubscribeToIoTCore", flags: 0);
        return await subscribing;
    }

    private static byte[] Event(int streamId, string payload) => Frames.Message(
        0, 0, streamId,
        $$$"""{"message":{"topicName":"a","payload":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(payload))}}}"}}""",
        Frames.Text("service-model-type", "aws.greengrass#IoTCoreMessage"));

    private static async Task<List<string>> TakeAsync(IpcSubscription<IoTCoreMessage> subscription, int count)
    {
        var read = new List<string>();
        await foreach (var message in subscription)
        {
            read.Add(Encoding.UTF8.GetString(message.Payload.Span));
            if (read.Count == count)
                break;
        }

        return read;
    }

    private static Task<List<string>> ReadAllAsync(IpcSubscription<IoTCoreMessage> subscription) => TakeAsync(subscription, int.MaxValue);
}
