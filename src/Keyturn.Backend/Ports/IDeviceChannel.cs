namespace Keyturn.Backend.Ports;

public interface IDeviceChannel
{
    /// <summary>Publishes at QoS 0. A device that misses it asks again.</summary>
    Task PublishAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation);
}
