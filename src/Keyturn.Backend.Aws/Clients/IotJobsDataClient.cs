using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>The data plane of AWS IoT Jobs. Names, paths and members are those of the public API model of 2017-09-29.</summary>
public sealed class IotJobsDataClient : AwsServiceClient
{
    public IotJobsDataClient()
        : base(Settings())
    {
    }

    public IotJobsDataClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <summary>With the job document, so that one call tells what the job is and where the execution stands.</summary>
    /// <exception cref="AmazonServiceException">ResourceNotFoundException, TerminalStateException, ThrottlingException …</exception>
    public async Task<DataPlaneExecution> DescribeJobExecutionAsync(
        string jobId, string thing, long? executionNumber, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("DescribeJobExecution", "GET", "/things/{thingName}/jobs/{jobId}")
                .Label("thingName", thing).Label("jobId", jobId)
                .With("includeJobDocument", "true")
                .With("executionNumber", executionNumber?.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            Read,
            cancellation).ConfigureAwait(false)).Execution;

    private static DataPlaneExecutionResult Read(byte[] body) =>
        JsonSerializer.Deserialize(body, IotJobsDataJson.Default.DataPlaneExecutionResult)
        ?? throw new JsonException("The service answered with null.");

    private static AwsServiceConfig Settings() => new("IoT Jobs Data Plane", "iot-jobs-data", "data.jobs.iot", "2017-09-29");
}

/// <param name="QueuedAt">Epoch seconds.</param>
/// <param name="JobDocument">A string over HTTP, an object over MQTT.</param>
public sealed record DataPlaneExecution(
    string JobId, string Status, long QueuedAt, long ExecutionNumber, long VersionNumber = 0,
    IReadOnlyDictionary<string, string>? StatusDetails = null, string? JobDocument = null);

internal sealed record DataPlaneExecutionResult(DataPlaneExecution Execution);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(DataPlaneExecutionResult))]
internal sealed partial class IotJobsDataJson : JsonSerializerContext;
