using Keyturn.LocalCore.Components;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore;

/// <summary>Everything that LocalCore logs. Event ids never change.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "Nucleus {Version} started as process {ProcessId} for thing {Thing}")]
    public static partial void NucleusStarted(this ILogger log, string version, int processId, string thing);

    [LoggerMessage(101, LogLevel.Information, "Nucleus stopping: {Reason}")]
    public static partial void NucleusStopping(this ILogger log, string reason);

    [LoggerMessage(102, LogLevel.Error, "Nucleus failed")]
    public static partial void NucleusFailed(this ILogger log, Exception problem);

    [LoggerMessage(200, LogLevel.Information, "IPC connection accepted. {{component={Component}}}")]
    public static partial void IpcConnected(this ILogger log, string component);

    [LoggerMessage(201, LogLevel.Warning, "IPC connection refused: the auth token or the protocol version is not ours")]
    public static partial void IpcConnectRefused(this ILogger log);

    [LoggerMessage(202, LogLevel.Warning, "IPC connection closed: {Reason}. {{component={Component}}}")]
    public static partial void IpcFrameRefused(this ILogger log, string component, string reason);

    [LoggerMessage(203, LogLevel.Debug, "IPC connection lost: {Reason}. {{component={Component}}}")]
    public static partial void IpcConnectionLost(this ILogger log, string component, string reason);

    [LoggerMessage(204, LogLevel.Warning, "IPC protocol error: {Reason}. {{component={Component}}}")]
    public static partial void IpcProtocolError(this ILogger log, string component, string reason);

    [LoggerMessage(205, LogLevel.Information, "IPC {Operation} refused with {Error}: {Reason}. {{component={Component}}}")]
    public static partial void IpcOperationRefused(this ILogger log, string component, string operation, string error, string reason);

    [LoggerMessage(206, LogLevel.Warning, "IPC {Operation} request unreadable: {Reason}. {{component={Component}}}")]
    public static partial void IpcRequestUnreadable(this ILogger log, string component, string operation, string reason);

    [LoggerMessage(207, LogLevel.Error, "IPC {Operation} broke. {{component={Component}}}")]
    public static partial void IpcOperationBroke(this ILogger log, string component, string operation, Exception problem);

    [LoggerMessage(208, LogLevel.Error, "IPC connection broke")]
    public static partial void IpcConnectionBroke(this ILogger log, Exception problem);

    [LoggerMessage(209, LogLevel.Warning, "IPC accept failed: {Reason}")]
    public static partial void IpcAcceptFailed(this ILogger log, string reason);

    [LoggerMessage(210, LogLevel.Warning, "IPC message of {Length} bytes not sent: it is too long. {{component={Component}}}")]
    public static partial void IpcMessageTooLong(this ILogger log, string component, int length);

    [LoggerMessage(300, LogLevel.Information, "Successfully connected to AWS IoT Core. {{clientId={ClientId}, sessionPresent={SessionPresent}}}")]
    public static partial void MqttConnected(this ILogger log, string clientId, bool sessionPresent);

    [LoggerMessage(301, LogLevel.Warning, "Failed to connect to AWS IoT Core: {Reason}. {{clientId={ClientId}}}")]
    public static partial void MqttConnectFailed(this ILogger log, string clientId, string reason);

    [LoggerMessage(302, LogLevel.Warning, "Connection interrupted: {Reason}. {{clientId={ClientId}}}")]
    public static partial void MqttInterrupted(this ILogger log, string clientId, string reason);

    [LoggerMessage(303, LogLevel.Warning, "MQTT client not built: {Reason}")]
    public static partial void MqttClientNotBuilt(this ILogger log, string reason);

    [LoggerMessage(304, LogLevel.Warning, "Resubscribing to {Filter} refused: {Reason}. {{clientId={ClientId}}}")]
    public static partial void MqttResubscribeRefused(this ILogger log, string clientId, string filter, string reason);

    [LoggerMessage(305, LogLevel.Warning, "Publishing to {Topic} failed: {Reason}")]
    public static partial void MqttPublishFailed(this ILogger log, string topic, string reason);

    [LoggerMessage(306, LogLevel.Debug, "Message from a topic that no one subscribed to. {{topic={Topic}}}")]
    public static partial void MqttMessageUnclaimed(this ILogger log, string topic);

    [LoggerMessage(307, LogLevel.Warning, "Unsubscribing from {Filter} failed: {Reason}")]
    public static partial void UnsubscribeFailed(this ILogger log, string filter, string reason);

    [LoggerMessage(400, LogLevel.Information, "service-set-state. {{serviceName={Component}, newState={State}}}")]
    public static partial void ComponentState(this ILogger log, string component, ComponentState state);

    [LoggerMessage(401, LogLevel.Information, "Running script. {{serviceName={Component}, phase={Phase}}}")]
    public static partial void ComponentPhase(this ILogger log, string component, string phase);

    [LoggerMessage(402, LogLevel.Information, "Script exited. {{serviceName={Component}, phase={Phase}, exitCode={ExitCode}}}")]
    public static partial void ComponentExited(this ILogger log, string component, string phase, int exitCode);

    [LoggerMessage(403, LogLevel.Warning, "service-errored. {{serviceName={Component}, exitCode={ExitCode}, errorsWithinAnHour={Count}}}")]
    public static partial void ComponentErrored(this ILogger log, string component, int exitCode, int count);

    [LoggerMessage(404, LogLevel.Error, "The component can't be started: {Reason}. {{serviceName={Component}}}")]
    public static partial void ComponentNotStarted(this ILogger log, string component, string reason);

    [LoggerMessage(405, LogLevel.Information, "stdout. {Line}")]
    public static partial void ComponentStdout(this ILogger log, string line);

    [LoggerMessage(406, LogLevel.Warning, "stderr. {Line}")]
    public static partial void ComponentStderr(this ILogger log, string line);

    [LoggerMessage(500, LogLevel.Information, "Loader started the nucleus as process {ProcessId}")]
    public static partial void LoaderStarted(this ILogger log, int processId);

    [LoggerMessage(501, LogLevel.Information, "Nucleus exited with {ExitCode}. {Consequence}")]
    public static partial void LoaderSawExit(this ILogger log, int exitCode, string consequence);

    [LoggerMessage(600, LogLevel.Information, "Deployment {Deployment} started")]
    public static partial void DeploymentStarted(this ILogger log, string deployment);

    [LoggerMessage(601, LogLevel.Information, "Deployment {Deployment} is deferred; asking again in {Milliseconds} ms")]
    public static partial void DeploymentDeferred(this ILogger log, string deployment, long milliseconds);

    [LoggerMessage(602, LogLevel.Information, "Deployment {Deployment} ended: {Status}. {Reason}")]
    public static partial void DeploymentEnded(this ILogger log, string deployment, string status, string reason);

    [LoggerMessage(603, LogLevel.Warning, "A deployment request can't be served: {Reason}")]
    public static partial void DeploymentRequestBroke(this ILogger log, string reason);

    [LoggerMessage(604, LogLevel.Warning, "A deployment of the cloud can't be read: {Reason}. {{topic={Topic}}}")]
    public static partial void DeploymentUnreadable(this ILogger log, string topic, string reason);

    [LoggerMessage(605, LogLevel.Warning, "Deployments of the cloud are not heard yet: {Reason}. {{topic={Topic}}}")]
    public static partial void DeploymentsNotHeard(this ILogger log, string topic, string reason);

    [LoggerMessage(606, LogLevel.Warning, "The cloud is not reached, trying again: {Reason}. {{endpoint={Endpoint}}}")]
    public static partial void CloudNotReached(this ILogger log, string endpoint, string reason);

    [LoggerMessage(700, LogLevel.Information, "{Daemon} started as process {ProcessId}")]
    public static partial void DaemonStarted(this ILogger log, string daemon, int processId);

    [LoggerMessage(701, LogLevel.Information, "{Unit} started as process {ProcessId}, invocation {Invocation}")]
    public static partial void UnitStarted(this ILogger log, string unit, int processId, string invocation);

    [LoggerMessage(702, LogLevel.Information, "{Unit} exited with {ExitCode}. {Consequence}")]
    public static partial void UnitExited(this ILogger log, string unit, int exitCode, string consequence);

    [LoggerMessage(703, LogLevel.Warning, "A packet of {Length} bytes is dropped: it does not fit the buffer. {{topic={Topic}}}")]
    public static partial void PacketDropped(this ILogger log, string topic, int length);

    [LoggerMessage(704, LogLevel.Warning, "A request on the bus can't be served: {Reason}")]
    public static partial void BusRequestBroke(this ILogger log, string reason);

    [LoggerMessage(705, LogLevel.Information, "Health reported. {{trigger={Trigger}}}")]
    public static partial void HealthReported(this ILogger log, string trigger);
}
