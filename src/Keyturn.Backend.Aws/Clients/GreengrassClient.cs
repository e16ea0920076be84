using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>AWS IoT Greengrass, as far as publishing and deploying a component needs it. The public API model of 2020-11-30.</summary>
public sealed class GreengrassClient : AwsServiceClient
{
    public GreengrassClient()
        : base(Settings())
    {
    }

    public GreengrassClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <summary>One page of the account's own components.</summary>
    public Task<ListComponentsResult> ListComponentsAsync(string? nextToken, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("ListComponents", "GET", "/greengrass/v2/components").With("scope", "PRIVATE").With("nextToken", nextToken),
            body => IotJson.Read(body, GreengrassJson.Default.ListComponentsResult),
            cancellation);

    /// <summary>One page, the newest first.</summary>
    public Task<ListComponentVersionsResult> ListComponentVersionsAsync(string componentArn, string? nextToken, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("ListComponentVersions", "GET", "/greengrass/v2/components/{arn}/versions").Label("arn", componentArn).With("nextToken", nextToken),
            body => IotJson.Read(body, GreengrassJson.Default.ListComponentVersionsResult),
            cancellation);

    public Task<ComponentDescription> DescribeComponentAsync(string versionArn, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("DescribeComponent", "GET", "/greengrass/v2/components/{arn}/metadata").Label("arn", versionArn),
            body => IotJson.Read(body, GreengrassJson.Default.ComponentDescription),
            cancellation);

    /// <param name="recipe">YAML or JSON, its artifacts uploaded already: the service reads and hashes them.</param>
    public Task<ComponentDescription> CreateComponentVersionAsync(byte[] recipe, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("CreateComponentVersion", "POST", "/greengrass/v2/createComponentVersion")
                .Json(new CreateComponentVersionBody(recipe), GreengrassJson.Default.CreateComponentVersionBody),
            body => IotJson.Read(body, GreengrassJson.Default.ComponentDescription),
            cancellation);

    /// <summary>The target's latest deployment; null when it has none.</summary>
    public async Task<string?> FindLatestDeploymentAsync(string targetArn, CancellationToken cancellation) =>
        (await CallAsync(
            new AwsRequest("ListDeployments", "GET", "/greengrass/v2/deployments").With("targetArn", targetArn).With("historyFilter", "LATEST_ONLY"),
            body => IotJson.Read(body, GreengrassJson.Default.ListDeploymentsResult),
            cancellation).ConfigureAwait(false)).Deployments is [var latest, ..] ? latest.DeploymentId : null;

    /// <summary>All members, those too that we know nothing of: a revision must not lose them.</summary>
    public Task<JsonObject> GetDeploymentAsync(string deploymentId, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("GetDeployment", "GET", "/greengrass/v2/deployments/{deploymentId}").Label("deploymentId", deploymentId),
            body => JsonNode.Parse(body) as JsonObject ?? throw new JsonException("The service answered with no object."),
            cancellation);

    public Task<CreateDeploymentResult> CreateDeploymentAsync(JsonObject deployment, CancellationToken cancellation) =>
        CallAsync(
            new AwsRequest("CreateDeployment", "POST", "/greengrass/v2/deployments").Raw(
                System.Text.Encoding.UTF8.GetBytes(deployment.ToJsonString()), "application/json"),
            body => IotJson.Read(body, GreengrassJson.Default.CreateDeploymentResult),
            cancellation);

    private static AwsServiceConfig Settings() => new("GreengrassV2", "greengrass", "greengrass", "2020-11-30");
}

public sealed record ListComponentsResult(IReadOnlyList<ListedComponent> Components, string? NextToken = null);

public sealed record ListedComponent(string Arn, string ComponentName);

public sealed record ListComponentVersionsResult(IReadOnlyList<ListedComponentVersion> ComponentVersions, string? NextToken = null);

public sealed record ListedComponentVersion(string Arn, string ComponentVersion);

public sealed record ComponentDescription(string Arn, string ComponentName, string ComponentVersion, ComponentStatus? Status = null);

/// <param name="ComponentState">REQUESTED, INITIATED, DEPLOYABLE, FAILED or DEPRECATED.</param>
/// <param name="Errors">What is wrong, by what it is wrong with.</param>
public sealed record ComponentStatus(string ComponentState, string? Message = null, IReadOnlyDictionary<string, string>? Errors = null);

public sealed record CreateDeploymentResult(string DeploymentId, string? IotJobId = null);

internal sealed record CreateComponentVersionBody(byte[] InlineRecipe);

internal sealed record ListDeploymentsResult(IReadOnlyList<ListedDeployment> Deployments);

internal sealed record ListedDeployment(string DeploymentId);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ListComponentsResult))]
[JsonSerializable(typeof(ListComponentVersionsResult))]
[JsonSerializable(typeof(ComponentDescription))]
[JsonSerializable(typeof(CreateComponentVersionBody))]
[JsonSerializable(typeof(CreateDeploymentResult))]
[JsonSerializable(typeof(ListDeploymentsResult))]
internal sealed partial class GreengrassJson : JsonSerializerContext;
