using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Greengrass.Ipc.Operations;

// Requests and answers as JSON. Blobs are base64, the quality of service is "0" or "1", what is null is left out.
// Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/interprocess-communication.html

internal sealed record ConnectPayload(string? AuthToken, string? ComponentName);

internal sealed record SubscribeToIoTCoreRequest(string TopicName, string Qos);

internal sealed record PublishToIoTCoreRequest(string TopicName, string Qos, byte[] Payload);

internal sealed record IoTCoreMessageEvent(MqttMessage Message);

internal sealed record MqttMessage(string TopicName, byte[]? Payload = null);

internal sealed record ConfigurationRequest(string? ComponentName, IReadOnlyList<string>? KeyPath);

internal sealed record GetConfigurationResponse(JsonElement Value, string? ComponentName = null);

internal sealed record UpdateConfigurationRequest(
    IReadOnlyList<string>? KeyPath, [property: JsonConverter(typeof(EpochSeconds))] DateTimeOffset Timestamp, JsonElement ValueToMerge);

internal sealed record ConfigurationUpdateEvents(ConfigurationUpdateEvent ConfigurationUpdateEvent);

internal sealed record ConfigurationUpdateEvent(string ComponentName, IReadOnlyList<string> KeyPath);

internal sealed record ValidateConfigurationUpdateEvents(ValidateConfigurationUpdateEvent ValidateConfigurationUpdateEvent);

internal sealed record ValidateConfigurationUpdateEvent(string DeploymentId, JsonElement Configuration = default);

internal sealed record SendConfigurationValidityReportRequest(ConfigurationValidityReport ConfigurationValidityReport);

internal sealed record ConfigurationValidityReport(string Status, string DeploymentId, string? Message);

internal sealed record UpdateStateRequest(string State);

internal sealed record ComponentUpdatePolicyEvents(PreUpdateEvent? PreUpdateEvent = null, PostUpdateEvent? PostUpdateEvent = null);

internal sealed record PreUpdateEvent(string DeploymentId, bool IsGgcRestarting = false);

internal sealed record PostUpdateEvent(string DeploymentId);

internal sealed record DeferComponentUpdateRequest(string DeploymentId, long RecheckAfterMs, string? Message);

internal sealed record SystemConfigRequest(string Key);

internal sealed record SystemConfigResponse(string Value);

/// <summary>The request of an operation that needs to be told nothing.</summary>
internal sealed record EmptyRequest;

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ConnectPayload))]
[JsonSerializable(typeof(SubscribeToIoTCoreRequest))]
[JsonSerializable(typeof(PublishToIoTCoreRequest))]
[JsonSerializable(typeof(IoTCoreMessageEvent))]
[JsonSerializable(typeof(ConfigurationRequest))]
[JsonSerializable(typeof(GetConfigurationResponse))]
[JsonSerializable(typeof(UpdateConfigurationRequest))]
[JsonSerializable(typeof(ConfigurationUpdateEvents))]
[JsonSerializable(typeof(ValidateConfigurationUpdateEvents))]
[JsonSerializable(typeof(SendConfigurationValidityReportRequest))]
[JsonSerializable(typeof(UpdateStateRequest))]
[JsonSerializable(typeof(ComponentUpdatePolicyEvents))]
[JsonSerializable(typeof(DeferComponentUpdateRequest))]
[JsonSerializable(typeof(SystemConfigRequest))]
[JsonSerializable(typeof(SystemConfigResponse))]
[JsonSerializable(typeof(EmptyRequest))]
internal sealed partial class WireContext : JsonSerializerContext
{
    public static WireContext Instance { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,

        // Leaves '+' as it is: topic filters and base64 are full of it, and nucleus lite counts bytes.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
