using System.Text;
using System.Text.Json;
using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>Calls that no part of the product makes, as the API models have them: of an operator, or of an attacker with an operator's key.</summary>
internal sealed class OperatorApi(AWSCredentials credentials, Uri endpoint)
    : AwsServiceClient(credentials, new AwsServiceConfig("IoT", "iot", "iot", "2015-05-28").At(endpoint, "us-east-1"))
{
    public Task CreateThingAsync(string thing) => CallAsync(new AwsRequest("CreateThing", "POST", "/things/{thingName}").Label("thingName", thing), "{}");

    public Task CreatePolicyAsync(string policy, string document) =>
        CallAsync(
            new AwsRequest("CreatePolicy", "POST", "/policies/{policyName}").Label("policyName", policy),
            JsonSerializer.Serialize(new { policyDocument = document }));

    public Task CancelExecutionAsync(string thing, string jobId) =>
        CallAsync(
            new AwsRequest("CancelJobExecution", "PUT", "/things/{thingName}/jobs/{jobId}/cancel").Label("thingName", thing).Label("jobId", jobId).With("force", "true"),
            "{}");

    private Task<byte[]> CallAsync(AwsRequest request, string body) =>
        CallAsync(request.Raw(Encoding.UTF8.GetBytes(body), "application/json"), answer => answer, TestContext.Current.CancellationToken);
}

/// <summary>The Lambda API, to hand a function an event that no rule would.</summary>
internal sealed class FunctionApi(AWSCredentials credentials, Uri endpoint)
    : AwsServiceClient(credentials, new AwsServiceConfig("Lambda", "lambda", "lambda", "2015-03-31").At(endpoint, "us-east-1"))
{
    public async Task<string> InvokeAsync(string function, object payload) =>
        Encoding.UTF8.GetString(await CallAsync(
            new AwsRequest("Invoke", "POST", "/2015-03-31/functions/{FunctionName}/invocations").Label("FunctionName", function)
                .Raw(JsonSerializer.SerializeToUtf8Bytes(payload), "application/json"),
            answer => answer, TestContext.Current.CancellationToken));
}
