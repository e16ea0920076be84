using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>The broker's part of iot-data.</summary>
internal sealed class MqttOperations(
    MqttRouter router, SessionTable sessions, IDeviceDirectory directory, CloudAccount account, TimeProvider time)
{
    public IEnumerable<ApiOperation> All =>
    [
        new("iot-data", "Publish", "POST", "/topics/{topic+}", Publish),
        new("iot-data", "GetRetainedMessage", "GET", "/retainedMessage/{topic+}", GetRetained),
        new("iot-data", "ListRetainedMessages", "GET", "/retainedMessage", ListRetained),
        new("iot-data", "DeleteConnection", "DELETE", "/connections/{clientId}", DeleteConnection),
    ];

    private ValueTask<ApiResponse> Publish(ApiRequest request, CancellationToken cancellation)
    {
        var topic = request.Label("topic");
        var qualityOfService = (int)(request.QueryNumber("qos", 0, 1) ?? 0);
        var retain = request.QueryFlag("retain");
        var expiry = request.QueryNumber("messageExpiry", 1, uint.MaxValue);
        if (request.Headers.Keys.FirstOrDefault(h => h.StartsWith("x-amz-mqtt5-", StringComparison.Ordinal)) is { } property)
            throw RequestMembers.Invalid($"This cloud does not offer the header {property}: leave it out.");
        if (TopicRules.CheckTopic(topic) is { } reason)
            throw RequestMembers.Invalid($"Topic is not valid: {reason}.");
        if (retain && topic.StartsWith('$'))
            throw RequestMembers.Invalid("A message on a reserved topic can't be retained.");
        if (request.Body.Length > MqttLimits.PayloadBytes)
            throw new ApiException(413, "RequestEntityTooLargeException", $"The payload is larger than {MqttLimits.PayloadBytes} bytes.");
        Authorize(request, "iot:Publish", "topic/" + topic);
        if (retain)
            Authorize(request, "iot:RetainPublish", "topic/" + topic);

        router.Route(new Publication(
            topic, request.Body, qualityOfService, retain, null, request.Caller.CertificateId ?? request.Caller.AccessKeyId)
        {
            ContentType = request.QueryText("contentType"),
            ResponseTopic = request.QueryText("responseTopic"),
            ExpiresAt = expiry is { } seconds ? time.GetUtcNow().AddSeconds(seconds) : null,
        });
        return ValueTask.FromResult(new ApiResponse(Json: new JsonObject { ["message"] = "OK", ["traceId"] = Guid.NewGuid().ToString() }));
    }

    private ValueTask<ApiResponse> GetRetained(ApiRequest request, CancellationToken cancellation)
    {
        var topic = request.Label("topic");
        Authorize(request, "iot:GetRetainedMessage", "topic/" + topic);
        if (router.Retained.Find(topic) is not { } found)
            throw new ApiException(404, "ResourceNotFoundException", $"No retained message on {topic}.");
        return ValueTask.FromResult(new ApiResponse(Json: new JsonObject
        {
            ["topic"] = topic,
            ["payload"] = Convert.ToBase64String(found.Message.Payload.Span),
            ["qos"] = found.Message.QualityOfService,
            ["lastModifiedTime"] = found.At.ToUnixTimeMilliseconds(),
        }));
    }

    private ValueTask<ApiResponse> ListRetained(ApiRequest request, CancellationToken cancellation)
    {
        Authorize(request, "iot:ListRetainedMessages", "*");
        var ordered = router.Retained.All.OrderBy(r => r.Message.Topic, StringComparer.Ordinal);
        return ValueTask.FromResult(new ApiResponse(Json: request.Page(
            "retainedTopics", ordered, r => r.Message.Topic, r => new JsonObject
            {
                ["topic"] = r.Message.Topic,
                ["payloadSize"] = r.Message.Payload.Length,
                ["qos"] = r.Message.QualityOfService,
                ["lastModifiedTime"] = r.At.ToUnixTimeMilliseconds(),
            }, max: 200)));
    }

    private ValueTask<ApiResponse> DeleteConnection(ApiRequest request, CancellationToken cancellation)
    {
        var clientId = request.Label("clientId");
        Authorize(request, "iot:DeleteConnection", "client/" + clientId);
        if (sessions.Find(clientId) is not { Connection: { } connection } session)
            throw new ApiException(404, "ResourceNotFoundException", $"No connection with the client id {clientId}.");
        if (request.QueryFlag("cleanSession"))
            session.Lifetime = TimeSpan.Zero;
        connection.End(DisconnectReason.ByApi(request.QueryFlag("preventWillMessage")), "DeleteConnection");
        return ValueTask.FromResult(ApiResponse.Empty);
    }

    private void Authorize(ApiRequest request, string action, string resource)
    {
        // Callers who sign are checked against IAM before they come here.
        if (request.Caller.CertificateId is not { } id)
            return;
        if (directory.FindCertificate(id) is not { IsActive: true } certificate
            || !PolicyEvaluation.Allows(certificate, time, action, resource == "*" ? resource : account.Arn("iot", resource)))
            throw new ApiException(403, "ForbiddenException", $"No policy of certificate {id} allows {action}.");
    }
}
