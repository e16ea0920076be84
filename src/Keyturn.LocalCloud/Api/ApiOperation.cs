using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>
/// One operation of one AWS service. <paramref name="Path"/> is the URI template of the public API model
/// (<c>/things/{thingName}</c>; <c>{topic+}</c> takes the rest of the path); JSON-RPC services (DynamoDB) and query services
/// (SNS, STS) use the operation's name instead.
/// </summary>
/// <param name="Service">The IAM prefix as <c>/calls</c> prints it: iot, iot-data, iot-jobs-data, sns, dynamodb, lambda …</param>
internal sealed record ApiOperation(string Service, string Name, string Method, string Path, ApiHandler Handler);

internal delegate ValueTask<ApiResponse> ApiHandler(ApiRequest request, CancellationToken cancellation);

/// <summary>A request whose signature, or client certificate, has been checked.</summary>
/// <param name="Labels">Values of the placeholders of the path, percent-decoded.</param>
/// <param name="Query">Query string, and for the query protocol the form in the body; a name may repeat.</param>
/// <param name="Headers">Lower-case names.</param>
/// <param name="Body">The body's bytes, as they came.</param>
/// <param name="Caller">Who asks: a signing identity or a device certificate.</param>
internal sealed record ApiRequest(
    ApiOperation Operation,
    IReadOnlyDictionary<string, string> Labels,
    ILookup<string, string> Query,
    IReadOnlyDictionary<string, string> Headers,
    ReadOnlyMemory<byte> Body,
    ApiCaller Caller)
{
    /// <summary>The body as a JSON object, empty when there is no body; anything else throws the service's own error.</summary>
    public JsonObject Json => field ??= RequestBody.Parse(Operation.Service, Body);
}

/// <param name="AccessKeyId">Null when the caller came with a client certificate.</param>
/// <param name="CertificateId">Null when the caller signed with SigV4.</param>
internal sealed record ApiCaller(string? AccessKeyId, string? CertificateId);

/// <param name="Raw">For bodies that are not JSON (a shadow document, XML, a published payload).</param>
internal sealed record ApiResponse(
    int Status = 200, JsonNode? Json = null, ReadOnlyMemory<byte>? Raw = null, string? ContentType = null,
    IReadOnlyDictionary<string, string>? Headers = null)
{
    /// <summary>A new one each time: a node belongs to one tree.</summary>
    public static ApiResponse Empty => new(Json: new JsonObject());
}

/// <summary>An answer with AWS's error shape. <see cref="Code"/> is the exception's name in the API model.</summary>
internal class ApiException(int status, string code, string message, JsonObject? members = null) : Exception(message)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    /// <summary>Further members of the error's body, such as <c>resourceId</c>.</summary>
    public JsonObject? Members { get; } = members;
}

/// <summary>A member breaks its constraint. The code is AWS IoT's; see <see cref="ValidationErrors"/> for the others.</summary>
internal sealed class ConstraintException(string message) : ApiException(400, "InvalidRequestException", message);
