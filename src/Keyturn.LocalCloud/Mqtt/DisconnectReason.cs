using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Why a connection ended: as lifecycle events say it, and as MQTT 5 says it to the client.</summary>
internal sealed record DisconnectReason(string Name, MqttDisconnectReasonCode Code, bool PublishesWill = true)
{
    public static readonly DisconnectReason ByClient =
        new("CLIENT_INITIATED_DISCONNECT", MqttDisconnectReasonCode.NormalDisconnection, PublishesWill: false);

    public static readonly DisconnectReason ByClientWithWill =
        new("CLIENT_INITIATED_DISCONNECT", MqttDisconnectReasonCode.DisconnectWithWillMessage);

    public static readonly DisconnectReason Lost = new("CONNECTION_LOST", MqttDisconnectReasonCode.UnspecifiedError);
    public static readonly DisconnectReason TakenOver = new("DUPLICATE_CLIENTID", MqttDisconnectReasonCode.SessionTakenOver);
    public static readonly DisconnectReason NotAuthorized = new("AUTH_ERROR", MqttDisconnectReasonCode.NotAuthorized);
    public static readonly DisconnectReason KeepAlive = new("MQTT_KEEP_ALIVE_TIMEOUT", MqttDisconnectReasonCode.KeepAliveTimeout);
    public static readonly DisconnectReason ByServer = new("SERVER_INITIATED_DISCONNECT", MqttDisconnectReasonCode.ServerShuttingDown);
    public static readonly DisconnectReason ServerError = new("SERVER_ERROR", MqttDisconnectReasonCode.UnspecifiedError);

    public static DisconnectReason ByApi(bool preventsWill) =>
        new("API_INITIATED_DISCONNECT", MqttDisconnectReasonCode.AdministrativeAction, PublishesWill: !preventsWill);

    /// <summary>The client broke a rule of the protocol or of AWS IoT.</summary>
    public static DisconnectReason Fault(MqttDisconnectReasonCode code) => new("CLIENT_ERROR", code);

    public bool IsByClient => Name == ByClient.Name;
}
