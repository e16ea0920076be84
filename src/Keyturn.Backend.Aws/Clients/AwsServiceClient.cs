using System.Net;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Credentials.Internal;
using Amazon.Runtime.Endpoints;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Endpoint = Amazon.Runtime.Endpoints.Endpoint;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>
/// What the generated clients of AWS share: the SDK's own pipeline with its credentials, SigV4 signing, clock-skew correction and retries.
/// The packages for IoT, SNS and Private CA can't be restored here; this and the files beside it stand in for the part of them we call.
/// </summary>
public abstract class AwsServiceClient : AmazonServiceClient
{
    private protected AwsServiceClient(AwsServiceConfig config)
        : base(config)
    {
    }

    private protected AwsServiceClient(AWSCredentials credentials, AwsServiceConfig config)
        : base(credentials, config)
    {
    }

    protected override IServiceMetadata ServiceMetadata { get; } = new Metadata();

    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline)
    {
        pipeline.RemoveHandler<EndpointResolver>();
        pipeline.AddHandlerAfter<Marshaller>(new Resolver());
        pipeline.AddHandlerAfter<Marshaller>(new SigV4Only());
        pipeline.AddHandlerAfter<RetryHandler>(new AtMostOnce());
    }

    private protected async Task<T> CallAsync<T>(AwsRequest request, Func<byte[], T> read, CancellationToken cancellation)
    {
        var options = new InvokeOptions { RequestMarshaller = RequestMarshaller.Instance, ResponseUnmarshaller = request.Protocol };
        var response = await InvokeAsync<RawResponse>(request, options, cancellation).ConfigureAwait(false);
        return read(response.Body);
    }

    private sealed class Metadata : IServiceMetadata
    {
        public string ServiceId => "Keyturn";

        public IDictionary<string, string> OperationNameMapping { get; } = new Dictionary<string, string>();
    }

    /// <summary>
    /// The SDK repeats whatever got no answer. What would then be done a second time comes back instead, as an error that it does not
    /// repeat; only what the service says it refused may be sent again.
    /// </summary>
    private sealed class AtMostOnce : PipelineHandler
    {
        public override async Task<T> InvokeAsync<T>(IExecutionContext executionContext)
        {
            try
            {
                return await base.InvokeAsync<T>(executionContext).ConfigureAwait(false);
            }
            catch (Exception exception) when (IsUnknownOutcome(executionContext.RequestContext, exception))
            {
                // Not as the inner exception, which the SDK would look at.
                throw new AmazonClientException($"It may have been carried out, and is not sent again: {exception.Message}");
            }
        }

        private static bool IsUnknownOutcome(IRequestContext request, Exception exception) =>
            request.OriginalRequest is AwsRequest { IsOnce: true }
            && !request.CancellationToken.IsCancellationRequested
            && exception is not AmazonServiceException { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError };
    }

    private sealed class SigV4Only : BaseAuthResolverHandler
    {
        protected override List<IAuthSchemeOption> ResolveAuthOptions(IExecutionContext executionContext) => AuthSchemeOption.DEFAULT_SIGV4;
    }

    private sealed class Resolver : BaseEndpointResolver
    {
        protected override void ServiceSpecificHandler(IExecutionContext executionContext, EndpointParameters parameters)
        {
        }

        protected override EndpointParameters MapEndpointsParameters(IRequestContext requestContext) => new();
    }
}

/// <summary>Region, endpoint (AWS_ENDPOINT_URL and its kin included) and retry mode come from where every AWS SDK takes them.</summary>
public sealed class AwsServiceConfig : ClientConfig
{
    private static readonly DefaultConfigurationProvider Defaults = new(
    [
        new DefaultConfiguration { Name = DefaultConfigurationMode.Standard },
    ]);

    private readonly string hostPrefix;

    /// <param name="serviceId">As in the public API model; AWS_ENDPOINT_URL_&lt;SERVICE_ID&gt; overrides the endpoint.</param>
    /// <param name="hostPrefix">Before <c>.REGION.amazonaws.com</c>.</param>
    internal AwsServiceConfig(string serviceId, string signingName, string hostPrefix, string version)
        : base(Defaults)
    {
        ServiceId = serviceId;
        AuthenticationServiceName = signingName;
        this.hostPrefix = hostPrefix;
        ServiceVersion = version;
        this.Paced();
        EndpointProvider = new Provider(this);
    }

    public override string RegionEndpointServiceName => hostPrefix;

    public override string ServiceVersion { get; }

    public override string UserAgent => "keyturn";

    public override Endpoint DetermineServiceOperationEndpoint(ServiceOperationEndpointParameters parameters) => Resolve();

    /// <summary>A cloud that is not the default one: the CLI's, a test's.</summary>
    public AwsServiceConfig At(Uri endpoint, string region)
    {
        ServiceURL = endpoint.ToString();
        AuthenticationRegion = region;
        return this;
    }

    private Endpoint Resolve()
    {
        if (ServiceURL is { Length: > 0 } url)
            return new Endpoint(url);
        var region = RegionEndpoint ?? throw new AmazonClientException("No AWS region is configured; set AWS_REGION. Nothing was called.");
        return new Endpoint($"https://{hostPrefix}.{region.SystemName}.{region.PartitionDnsSuffix}");
    }

    private sealed class Provider(AwsServiceConfig config) : IEndpointProvider
    {
        public Endpoint ResolveEndpoint(EndpointParameters parameters) => config.Resolve();
    }
}
