using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

public sealed class IotDeviceChannel(IotDataClient messages) : IDeviceChannel
{
    public Task PublishAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation) =>
        Services.CallAsync("iot-data", "Publish", () => messages.PublishAsync(topic, payload.ToArray(), cancellation));
}
