using System.Text.Json.Nodes;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Mqtt;
using Microsoft.Extensions.Logging;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Core;

/// <summary>PublishToIoTCore and SubscribeToIoTCore.</summary>
internal sealed class MqttProxyOperations(MqttProxy mqtt, AccessControl access, ILogger log)
{
    private const string Publish = "PublishToIoTCore";
    private const string Subscribe = "SubscribeToIoTCore";

    public IEnumerable<Operation> All => [new(Publish, Streaming: false, PublishAsync), new(Subscribe, Streaming: true, SubscribeAsync)];

    private ValueTask<JsonObject> PublishAsync(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var topic = AllowedTopic(stream, request, Publish);
        var payload = request.Blob("payload") ?? throw IpcException.InvalidArguments("Payload is required");
        try
        {
            mqtt.Publish(topic, payload, QualityOf(request));
            return ValueTask.FromResult(new JsonObject());
        }
        catch (MqttRequestException problem)
        {
            throw IpcException.Service($"Publish to topic {topic} failed: {problem.Message}");
        }
    }

    private async ValueTask<JsonObject> SubscribeAsync(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var topic = AllowedTopic(stream, request, Subscribe);
        var quality = QualityOf(request);
        var subscription = new Subscription(topic, (name, payload) => stream.SendEvent(Operation.Namespace + "IoTCoreMessage", new()
        {
            ["message"] = new JsonObject { ["topicName"] = name, ["payload"] = Convert.ToBase64String(payload) },
        }));
        // Not disposed: the stream may close at any later time, and it holds no timer.
        var abandoned = new CancellationTokenSource();
        stream.WhenClosed(abandoned.Cancel);
        try
        {
            await mqtt.SubscribeAsync(subscription, quality, abandoned.Token).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is MqttRequestException or CredentialException)
        {
            throw IpcException.Service($"Subscribe to topic {topic} failed with error {problem.Message}");
        }
        stream.WhenClosed(() => _ = UnsubscribeAsync(subscription));
        return [];
    }

    private async Task UnsubscribeAsync(Subscription subscription)
    {
        try
        {
            await mqtt.UnsubscribeAsync(subscription, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is MqttRequestException or ObjectDisposedException)
        {
            log.UnsubscribeFailed(subscription.Filter, problem.Message);
        }
    }

    private string AllowedTopic(IpcStream stream, JsonObject request, string operation)
    {
        var topic = request.Text("topicName") ?? throw IpcException.InvalidArguments("Topic is required");
        return access.MayUseTopic(stream.Component, operation, topic) ? topic : throw IpcException.Unauthorized();
    }

    private static MqttQualityOfServiceLevel QualityOf(JsonObject request) => request.Text("qos") switch
    {
        "0" => MqttQualityOfServiceLevel.AtMostOnce,
        "1" => MqttQualityOfServiceLevel.AtLeastOnce,
        null => throw IpcException.InvalidArguments("QoS is required"),
        var other => throw IpcException.InvalidArguments($"Invalid QoS value: {other}"),
    };
}
