using System.Text;

namespace Greengrass.Ipc.Tests;

public sealed class IoTCoreTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task Publishes_with_base64_payload_and_qos_as_a_string()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var publishing = client.PublishToIoTCoreAsync("a/b", Encoding.UTF8.GetBytes("{\"x\":1}>>>???"), QualityOfService.AtLeastOnce);
        var request = await nucleus.ReadAsync();

        Assert.Equal((0, 0, 1), (request.Type, request.Flags, request.StreamId));
        Assert.Equal("aws.greengrass#PublishToIoTCore", request.Operation);
        Assert.Equal("""{"topicName":"a/b","qos":"1","payload":"eyJ4IjoxfT4+Pj8/Pw=="}""", request.Payload);
        await nucleus.RespondAsync(1, "PublishToIoTCore");
        await publishing;
    }

    [Fact]
    public async Task Subscribes_and_reads_the_messages_of_the_topic()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var subscribing = client.SubscribeToIoTCoreAsync("$aws/things/+/jobs/#");
        var request = await nucleus.ReadAsync();
        Assert.Equal("aws.greengrass#SubscribeToIoTCore", request.Operation);
        Assert.Equal("""{"topicName":"$aws/things/+/jobs/#","qos":"0"}""", request.Payload);
        await nucleus.RespondAsync(1, "SubscribeToIoTCore", flags: 0);
        await nucleus.SendMessageEventAsync(1, "$aws/things/t/jobs/get", "one");
        await nucleus.SendAsync(0, 0, 1, """{"message":{"topicName":"empty","retain":false}}""", Frames.Text("service-model-type", "aws.greengrass#IoTCoreMessage"));

        await using var subscription = await subscribing;
        await using var messages = subscription.GetAsyncEnumerator();
        Assert.True(await messages.MoveNextAsync());
        Assert.Equal("$aws/things/t/jobs/get", messages.Current.Topic);
        Assert.Equal("one", Encoding.UTF8.GetString(messages.Current.Payload.Span));
        Assert.True(await messages.MoveNextAsync());
        Assert.True(messages.Current.Payload.IsEmpty);
    }

    [Fact]
    public async Task Disposing_a_subscription_tells_the_nucleus_and_ends_the_enumeration()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToIoTCoreAsync("a");
        await nucleus.ReadAsync();
        await nucleus.RespondAsync(1, "SubscribeToIoTCore", flags: 0);
        var subscription = await subscribing;
        var reading = subscription.GetAsyncEnumerator().MoveNextAsync();

        await subscription.DisposeAsync();

        Assert.False(await reading);
        var terminate = await nucleus.ReadAsync();
        Assert.Equal((0, 2, 1, ""), (terminate.Type, terminate.Flags, terminate.StreamId, terminate.Payload));
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
