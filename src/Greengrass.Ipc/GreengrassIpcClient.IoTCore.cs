using System.Globalization;
using Greengrass.Ipc.Operations;
using Greengrass.Ipc.Rpc;

namespace Greengrass.Ipc;

public sealed partial class GreengrassIpcClient
{
    /// <summary>
    /// Subscribes to a topic of AWS IoT Core, over the nucleus's own MQTT connection. That the nucleus confirms does not prove that the cloud is reachable:
    /// classic answers at once if another component holds an overlapping subscription, lite always.
    /// </summary>
    /// <param name="topicFilter">The topic, with the wildcards of MQTT.</param>
    /// <param name="qos">The highest quality of service to receive with.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>The messages. Messages before the nucleus's confirmation are not among them.</returns>
    public Task<IpcSubscription<IoTCoreMessage>> SubscribeToIoTCoreAsync(
        string topicFilter, QualityOfService qos = QualityOfService.AtMostOnce, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(topicFilter);
        return SubscribeAsync(
            new RpcOperation("SubscribeToIoTCore", "aws.greengrass#IoTCoreMessage"),
            new SubscribeToIoTCoreRequest(topicFilter, WireValue(qos)),
            WireContext.Instance.SubscribeToIoTCoreRequest,
            WireContext.Instance.IoTCoreMessageEvent,
            wire => new IoTCoreMessage(wire.Message.TopicName, wire.Message.Payload),
            cancellationToken);
    }

    /// <summary>Publishes to AWS IoT Core. Success means that the nucleus has taken the message, not that it was sent.</summary>
    /// <param name="topic">The topic, without wildcards.</param>
    /// <param name="payload">The payload, of any kind; at most 128 KB for AWS IoT Core.</param>
    /// <param name="qos">The quality of service.</param>
    /// <param name="cancellationToken">Gives up and closes the stream.</param>
    /// <returns>A task that completes when the nucleus has answered.</returns>
    public Task PublishToIoTCoreAsync(
        string topic, ReadOnlyMemory<byte> payload, QualityOfService qos = QualityOfService.AtMostOnce, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        return CallAsync(
            new RpcOperation("PublishToIoTCore"),
            new PublishToIoTCoreRequest(topic, WireValue(qos), payload.ToArray()),
            WireContext.Instance.PublishToIoTCoreRequest,
            cancellationToken);
    }

    private static string WireValue(QualityOfService qos) => ((int)qos).ToString(CultureInfo.InvariantCulture);
}
