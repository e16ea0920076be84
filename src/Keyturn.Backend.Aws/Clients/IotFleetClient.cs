using System.Text.Json.Serialization;
using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>AWS IoT as an operator asks it about a fleet: groups, and how far a job has come. The public API model of 2015-05-28.</summary>
public sealed class IotFleetClient : AwsServiceClient
{
    public IotFleetClient()
        : base(Settings())
    {
    }

    public IotFleetClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <exception cref="AmazonServiceException">ResourceNotFoundException: there is no such group.</exception>
    public Task<ThingGroupDescription> DescribeThingGroupAsync(string name, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("DescribeThingGroup", "GET", "/thing-groups/{thingGroupName}").Label("thingGroupName", name),
            body => IotJson.Read(body, IotFleetJson.Default.ThingGroupDescription),
            cancellation);

    /// <summary>Whether the group, or one below it, has a thing.</summary>
    public async Task<bool> HasThingsAsync(string group, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("ListThingsInThingGroup", "GET", "/thing-groups/{thingGroupName}/things")
                .Label("thingGroupName", group).With("recursive", "true").With("maxResults", "1"),
            body => IotJson.Read(body, IotFleetJson.Default.ListThingsInThingGroupResult),
            cancellation).ConfigureAwait(false)).Things.Count > 0;

    /// <summary>How many executions of the job are in which state; null while the job has none to count.</summary>
    public async Task<JobProgress?> FindProgressAsync(string jobId, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("DescribeJob", "GET", "/jobs/{jobId}").Label("jobId", jobId),
            body => IotJson.Read(body, IotFleetJson.Default.DescribeJobResult),
            cancellation).ConfigureAwait(false)).Job.JobProcessDetails;

    private static AwsServiceConfig Settings() => new("IoT", "iot", "iot", "2015-05-28");
}

public sealed record ThingGroupDescription(string ThingGroupName, string ThingGroupArn);

public sealed record JobProgress(
    int NumberOfQueuedThings = 0, int NumberOfInProgressThings = 0, int NumberOfSucceededThings = 0, int NumberOfFailedThings = 0,
    int NumberOfRejectedThings = 0, int NumberOfTimedOutThings = 0, int NumberOfCanceledThings = 0, int NumberOfRemovedThings = 0)
{
    public int UnderWay => NumberOfQueuedThings + NumberOfInProgressThings;

    public int NotSucceeded =>
        NumberOfFailedThings + NumberOfRejectedThings + NumberOfTimedOutThings + NumberOfCanceledThings + NumberOfRemovedThings;

    public int All => UnderWay + NumberOfSucceededThings + NotSucceeded;
}

internal sealed record ListThingsInThingGroupResult(IReadOnlyList<string> Things);

internal sealed record DescribeJobResult(DescribedJob Job);

internal sealed record DescribedJob(JobProgress? JobProcessDetails = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ThingGroupDescription))]
[JsonSerializable(typeof(ListThingsInThingGroupResult))]
[JsonSerializable(typeof(DescribeJobResult))]
internal sealed partial class IotFleetJson : JsonSerializerContext;
