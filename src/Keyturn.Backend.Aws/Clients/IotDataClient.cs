using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>AWS IoT's data plane: publishing. Names, paths and members are those of the public API model of 2015-05-28.</summary>
public sealed class IotDataClient : AwsServiceClient
{
    public IotDataClient()
        : base(Settings())
    {
    }

    public IotDataClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <summary>At QoS 0.</summary>
    public Task PublishAsync(string topic, byte[] payload, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("Publish", "POST", "/topics/{topic}").Label("topic", topic).With("qos", "0")
                .Raw(payload, "application/octet-stream"),
            body => body,
            cancellation);

    private static AwsServiceConfig Settings() => new("IoT Data Plane", "iotdata", "data-ats.iot", "2015-05-28");
}
