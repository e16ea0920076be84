namespace Greengrass.Ipc;

/// <summary>How hard MQTT tries to deliver a message.</summary>
public enum QualityOfService
{
    /// <summary>QoS 0. On nucleus classic, publishing so while the device is offline is a <c>ServiceError</c>.</summary>
    AtMostOnce = 0,

    /// <summary>QoS 1. Nucleus classic keeps the message while the device is offline, as its spooler is configured.</summary>
    AtLeastOnce = 1,
}

/// <summary>A message from AWS IoT Core.</summary>
/// <param name="Topic">The topic it was published to, which may be another than the filter subscribed to.</param>
/// <param name="Payload">The payload; empty if there is none.</param>
public sealed record IoTCoreMessage(string Topic, ReadOnlyMemory<byte> Payload);
