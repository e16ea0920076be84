using System.Text.Json;
using System.Text.Json.Serialization;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Lambda;

/// <summary>
/// A custom resource of the stack: AWS IoT announces the end of a job execution only once it is told to, and CloudFormation has no
/// resource for that. Deleting the stack leaves the events on: others may count on them, and nobody listens otherwise.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
/// </summary>
internal sealed class EnableJobEvents(IotClient iot, HttpClient http, TimeProvider clock)
{
    private const string PhysicalId = "AWSLabsCertificateRotatorJobEvents";

    /// <summary>For the switch with all its attempts. The function has 45 seconds: what is left is for the answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)];

    public async Task HandleAsync(ReadOnlyMemory<byte> json, CancellationToken cancellation)
    {
        var request = Read(json);
        var reason = request.RequestType == "Delete" ? null : await EnableAsync(cancellation);
        await AnswerAsync(
            request.ResponseUrl,
            new CustomResourceAnswer(
                reason is null ? "SUCCESS" : "FAILED", reason ?? "", request.PhysicalResourceId ?? PhysicalId, request.StackId, request.RequestId,
                request.LogicalResourceId),
            cancellation);
    }

    private static CustomResourceRequest Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            var request = JsonSerializer.Deserialize(json.Span, CustomResourceJson.Default.CustomResourceRequest);
            return request is { ResponseUrl.IsAbsoluteUri: true, RequestType: "Create" or "Update" or "Delete" }
                ? request
                : throw new FormatException("The event is no request of CloudFormation for a custom resource; nothing was changed.");
        }
        catch (JsonException exception)
        {
            throw new FormatException("The event is no request of CloudFormation for a custom resource; nothing was changed.", exception);
        }
    }

    /// <returns>Why it did not work. CloudFormation must hear of that too, or it waits for an hour.</returns>
    private async Task<string?> EnableAsync(CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Patience, clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await Services.CallAsync("iot", "UpdateEventConfigurations", () => iot.EnableEventsAsync(["JOB_EXECUTION"], linked.Token));
            return null;
        }
        catch (DependencyException exception)
        {
            return $"Job execution events of AWS IoT could not be switched on: {exception.Message}";
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return $"Job execution events of AWS IoT could not be switched on: it did not answer within {Patience.TotalSeconds:0} seconds.";
        }
    }

    private async Task AnswerAsync(Uri url, CustomResourceAnswer answer, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                // The URL is signed for a request without content type.
                using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(answer, CustomResourceJson.Default.CustomResourceAnswer));
                using var response = await http.PutAsync(url, content, cancellation);
                response.EnsureSuccessStatusCode();
                return;
            }
            catch (HttpRequestException) when (attempt < Pauses.Length)
            {
                await Task.Delay(Pauses[attempt], clock, cancellation);
            }
        }
    }
}

internal sealed record CustomResourceRequest(
    string RequestType, [property: JsonPropertyName("ResponseURL")] Uri ResponseUrl, string StackId, string RequestId, string LogicalResourceId,
    string? PhysicalResourceId = null);

internal sealed record CustomResourceAnswer(
    string Status, string Reason, string PhysicalResourceId, string StackId, string RequestId, string LogicalResourceId);

[JsonSourceGenerationOptions(RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CustomResourceRequest))]
[JsonSerializable(typeof(CustomResourceAnswer))]
internal sealed partial class CustomResourceJson : JsonSerializerContext;
