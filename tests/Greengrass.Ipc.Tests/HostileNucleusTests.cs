using CsCheck;

namespace Greengrass.Ipc.Tests;

/// <summary>A nucleus that sends well-formed frames of any kind, in any order, for any stream.</summary>
public sealed class HostileNucleusTests : IAsyncDisposable
{
    private static readonly Gen<string> Payload = Gen.Int[0, int.MaxValue].Select(PickFrom(
        "", "{}", "null", "[]", "7", "\"text\"", "{", """{"message":{"topicName":"a","payload":"b25l"}}""", """{"message":{}}""", """{"error":"x"}""", """{"message":7}"""));

    private static readonly Gen<string> ModelType = Gen.Int[0, int.MaxValue].Select(PickFrom(
        "aws.greengrass#IoTCoreMessage", "aws.greengrass#SubscribeToIoTCoreResponse", "aws.greengrass#ServiceError", "#", "", "x"));

    private static readonly Gen<byte[]> Frame = Gen.Select(
        Gen.Frequency((8, Gen.Int[0, 1]), (1, Gen.Int[2, 9])), Gen.Int[0, 3], Gen.Int[-1, 4], Payload, ModelType,
        (type, flags, streamId, payload, modelType) => Frames.Message(
            type, flags, streamId, payload, modelType.Length == 0 ? [] : [Frames.Text("service-model-type", modelType)]));

    private static Func<int, string> PickFrom(params string[] choices) => i => choices[i % choices.Length];

    private readonly ScriptedNucleus server = new();

    [Fact]
    public Task Whatever_it_sends_every_call_and_every_enumeration_ends_with_an_answer_or_an_error_of_ours() =>
        Frame.Array[1, 12].SampleAsync(async frames =>
        {
            var (client, nucleus) = await server.ConnectAsync();
            await using var disposing = client;
            var subscribing = ReadToEndAsync(client);
            var publishing = client.PublishToIoTCoreAsync("a", default);
            try
            {
                foreach (var frame in frames)
                    await nucleus.SendAsync(frame);
            }
            catch (IOException)
            {
                // The client has had enough.
            }

            await nucleus.DisposeAsync();
            var reason = await client.Closed.WaitAsync(TimeSpan.FromSeconds(20));
            Assert.True(reason.Failure is IpcConnectionFailure.Lost or IpcConnectionFailure.ProtocolViolation);
            await EndsAsync(subscribing);
            await EndsAsync(publishing);
        }, iter: 300, threads: 1);

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private static async Task ReadToEndAsync(GreengrassIpcClient client)
    {
        await using var subscription = await client.SubscribeToIoTCoreAsync("a");
        await foreach (var message in subscription)
            Assert.Equal("a", message.Topic);
    }

    private static async Task EndsAsync(Task task)
    {
        try
        {
            await task.WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (GreengrassIpcException)
        {
            // One of the errors that the library promises.
        }
    }
}
