using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.Cli.Demo;

/// <summary>What an operator asks AWS IoT about a fleet, as the demo does.</summary>
internal sealed class FleetApi(DemoCloud cloud) : IDisposable
{
    private const string TemplateArn = "arn:aws:iot:us-east-1:012345678901:jobtemplate/AWSLabsCertificateRotator";

    private readonly IotClient iot = new(new BasicAWSCredentials("test", "test"), cloud.Api, "us-east-1");

    public Task CreateRotationJobAsync(string jobId, IEnumerable<string> things, CancellationToken stop) =>
        iot.CreateJobAsync(
            jobId,
            new CreateJobBody([.. things.Select(thing => $"arn:aws:iot:us-east-1:012345678901:thing/{thing}")], TemplateArn),
            stop);

    /// <summary>Null until the rollout has reached the thing.</summary>
    public async Task<JobExecution?> FindExecutionAsync(string jobId, string thing, CancellationToken stop)
    {
        try
        {
            var execution = await iot.DescribeJobExecutionAsync(jobId, thing, null, stop);
            var details = execution.StatusDetails?.DetailsMap;
            return new JobExecution(execution.Status, details?.GetValueOrDefault("step"), details?.GetValueOrDefault("reason"));
        }
        catch (AmazonServiceException error) when (error.ErrorCode == "ResourceNotFoundException")
        {
            return null;
        }
    }

    /// <summary>Ids of the certificates attached to the thing.</summary>
    public async Task<IReadOnlyList<string>> ListCertificatesAsync(string thing, CancellationToken stop)
    {
        var ids = new List<string>();
        string? next = null;
        do
        {
            var page = await iot.ListThingPrincipalsV2Async(thing, next, stop);
            ids.AddRange(page.ThingPrincipalObjects.Select(principal => principal.Principal.Split('/')[^1]));
            next = page.NextToken;
        }
        while (next is not null);
        return ids;
    }

    /// <summary>Null when the certificate is gone.</summary>
    public async Task<string?> FindCertificateStatusAsync(string certificateId, CancellationToken stop)
    {
        try
        {
            return (await iot.DescribeCertificateAsync(certificateId, stop)).Status;
        }
        catch (AmazonServiceException error) when (error.ErrorCode == "ResourceNotFoundException")
        {
            return null;
        }
    }

    public void Dispose() => iot.Dispose();
}
