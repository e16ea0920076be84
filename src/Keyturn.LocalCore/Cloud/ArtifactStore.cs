using Amazon.Runtime;
using Amazon.S3;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Cloud;

/// <summary>Artifacts in S3, read with the credentials of the token exchange role, which the core's certificate buys.</summary>
internal sealed class ArtifactStore(NucleusSettings settings)
{
    private const string Scheme = "s3://";

    /// <exception cref="CloudRefusalException">The role may not read it, it is not there, or the certificate buys no credentials.</exception>
    public async Task DownloadAsync(string uri, Stream target, CancellationToken cancellation)
    {
        if (!uri.StartsWith(Scheme, StringComparison.Ordinal) || uri[Scheme.Length..].Split('/', 2) is not [var bucket, { Length: > 0 } key])
            throw new CloudRefusalException($"the artifact {uri} is in no S3 bucket, and this core gets no others");
        using var s3 = new AmazonS3Client(await CredentialsAsync(cancellation).ConfigureAwait(false), new AmazonS3Config
        {
            // A stand-in has all services at one endpoint.
            ServiceURL = $"https://{settings.DataPlaneEndpoint}", AuthenticationRegion = settings.Region, ForcePathStyle = true, MaxErrorRetry = 2,
            HttpClientFactory = new OneClient(settings),
        });
        try
        {
            using var found = await s3.GetObjectAsync(bucket, key, cancellation).ConfigureAwait(false);
            await found.ResponseStream.CopyToAsync(target, cancellation).ConfigureAwait(false);
        }
        catch (AmazonS3Exception refused) when ((int)refused.StatusCode is >= 400 and < 500)
        {
            throw new CloudRefusalException($"{uri} can't be downloaded ({refused.ErrorCode}): allow the role behind {settings.RoleAlias} s3:GetObject on arn:aws:s3:::{bucket}/{key}, or publish the artifact again");
        }
        catch (AmazonServiceException problem)
        {
            throw new HttpRequestException($"{uri} can't be downloaded: {problem.Message}", problem);
        }
    }

    private async Task<SessionAWSCredentials> CredentialsAsync(CancellationToken cancellation)
    {
        using var http = DeviceHttp.AsDevice(settings);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{settings.CredentialEndpoint}/role-aliases/{settings.RoleAlias}/credentials");
        request.Headers.Add("x-amzn-iot-thingname", settings.ThingName);
        using var answer = await http.SendAsync(request, cancellation).ConfigureAwait(false);
        var json = await GreengrassDataPlane.ReadAsync(answer, $"no credentials for artifacts from the role alias {settings.RoleAlias}", cancellation).ConfigureAwait(false);
        var credentials = json["credentials"]?.AsObject() ?? throw new CloudRefusalException("the credentials provider gave no credentials");
        return new(credentials["accessKeyId"]!.GetValue<string>(), credentials["secretAccessKey"]!.GetValue<string>(), credentials["sessionToken"]!.GetValue<string>());
    }

    private sealed class OneClient(NucleusSettings settings) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => DeviceHttp.Anonymous(settings);

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;
    }
}
