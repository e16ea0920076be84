namespace Keyturn.Device.Cloud;

/// <summary>A message of the cloud.</summary>
internal readonly record struct CloudMessage(string Topic, ReadOnlyMemory<byte> Payload);

/// <summary>
/// The way to the cloud and back. Being open says that answers would be heard, as far as the nucleus knows; it proves nothing about the cloud.
/// </summary>
internal interface ICloudChannel
{
    bool IsOpen { get; }

    /// <summary>Hands a message over. True: it is on its way, as far as is known.</summary>
    Task<bool> SendAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation);

    /// <summary>Subscriptions can die silently: makes new ones. <see cref="IsOpen"/> is false until they stand.</summary>
    void Reopen();
}
