using Microsoft.Extensions.Logging;

namespace Keyturn.Device;

/// <summary>Every line the component writes. Keys, CSRs and PINs have no place here.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "certificate-rotator {Version} started: {KeyStore} credential {CertificateId} ({KeyAlgorithm}), valid until {NotAfter:u}")]
    public static partial void Started(ILogger log, string version, string keyStore, string certificateId, string keyAlgorithm, DateTimeOffset notAfter);

    [LoggerMessage(4, LogLevel.Warning, "certificate-rotator {Version} started, and can't use the token: {Reason}")]
    public static partial void StartedWithout(ILogger log, string version, string reason);

    [LoggerMessage(2, LogLevel.Information, "Ready: subscribed to the topics of jobs and certificates")]
    public static partial void Subscribed(ILogger log);

    [LoggerMessage(3, LogLevel.Information, "Stopping: asked to by a signal")]
    public static partial void Stopping(ILogger log);

    [LoggerMessage(10, LogLevel.Information, "The journal says {State}")]
    public static partial void Resumed(ILogger log, string state);

    [LoggerMessage(11, LogLevel.Information, "{Before} -> {After}")]
    public static partial void Entered(ILogger log, string before, string after);

    [LoggerMessage(12, LogLevel.Warning, "The rotation is given up: {Reason}. The old credential stays in use")]
    public static partial void Aborting(ILogger log, string reason);

    [LoggerMessage(13, LogLevel.Information, "The rotation is over: {Outcome}")]
    public static partial void Finished(ILogger log, string outcome);

    [LoggerMessage(14, LogLevel.Information, "The nucleus's paths now lead to credential {Credential}")]
    public static partial void Switched(ILogger log, string credential);

    [LoggerMessage(15, LogLevel.Information, "Restarting the nucleus, so that it reads its credential anew; this component ends with it and is started again")]
    public static partial void Restarting(ILogger log);

    [LoggerMessage(16, LogLevel.Warning, "{Reason}")]
    public static partial void EffectFailed(ILogger log, string reason);

    [LoggerMessage(17, LogLevel.Error, "{Reason}. The credential in use is untouched, and nothing further is done before that works again; it is tried every 30 seconds")]
    public static partial void StorageFailed(ILogger log, string reason);

    [LoggerMessage(18, LogLevel.Information, "Another process has moved the rotation on; going on from its journal entry")]
    public static partial void JournalMoved(ILogger log);

    [LoggerMessage(19, LogLevel.Warning, "Neither the old credential nor the new one gets the device connected: they are put in place by turns, now for the {Turn}. time, and neither is deleted")]
    public static partial void Alternating(ILogger log, int turn);

    [LoggerMessage(24, LogLevel.Information, "No link can lead the nucleus to its credential here ({Reason}): key and certificate are switched one after the other, with a record from which either pair can be put back")]
    public static partial void NoLinks(ILogger log, string reason);

    [LoggerMessage(25, LogLevel.Information, "At a switch {Key} {KeyWay}, {Certificate} {CertificateWay}")]
    public static partial void TwoFiles(ILogger log, string key, string keyWay, string certificate, string certificateWay);

    [LoggerMessage(26, LogLevel.Information, "Restarting the nucleus's MQTT daemon, so that it reads the credential anew; this component goes on, and subscribes again")]
    public static partial void RestartingBeside(ILogger log);

    [LoggerMessage(27, LogLevel.Warning, "{Reason}. The rotation goes on; the device's health may not be reported until {Unit} is restarted")]
    public static partial void StatusDaemonNotRestarted(ILogger log, string reason, string unit);

    [LoggerMessage(60, LogLevel.Information, "Installed {Recovery} and {Timer} for the time of this rotation")]
    public static partial void UnitsInstalled(ILogger log, string recovery, string timer);

    [LoggerMessage(61, LogLevel.Warning, "Nothing looks after this rotation while Greengrass does not run: {Reason}. The rotation goes on without")]
    public static partial void UnitsNotInstalled(ILogger log, string reason);

    [LoggerMessage(62, LogLevel.Information, "Removed {Recovery} and {Timer}: no rotation needs them")]
    public static partial void UnitsRemoved(ILogger log, string recovery, string timer);

    [LoggerMessage(63, LogLevel.Warning, "The systemd units of the last rotation could not be removed: {Reason}. They do no harm; they are removed after the next one")]
    public static partial void UnitsNotRemoved(ILogger log, string reason);

    [LoggerMessage(20, LogLevel.Information, "{Request} not answered yet; sent for the {Times}. time")]
    public static partial void SaidAgain(ILogger log, string request, int times);

    [LoggerMessage(21, LogLevel.Debug, "Not for this component, or not understood: {Length} bytes on {Topic}")]
    public static partial void Ignored(ILogger log, string topic, int length);

    [LoggerMessage(30, LogLevel.Warning, "The cloud can't be reached through the nucleus: {Reason}. Trying again in {Seconds} s; the credential in use is untouched")]
    public static partial void NotSubscribed(ILogger log, string reason, int seconds);

    [LoggerMessage(31, LogLevel.Information, "The connection to the nucleus ended ({Reason}); connecting again")]
    public static partial void Disconnected(ILogger log, string reason);

    [LoggerMessage(32, LogLevel.Warning, "The configuration can't be used: {Reason}. Rotations are refused until a deployment corrects it; the credential in use is untouched")]
    public static partial void BadConfiguration(ILogger log, string reason);

    [LoggerMessage(33, LogLevel.Information, "Not sent on {Topic}: {Reason}. It is said again")]
    public static partial void NotSent(ILogger log, string topic, string reason);

    [LoggerMessage(34, LogLevel.Information, "Tried credential {Credential} on a connection of its own: {Detail}")]
    public static partial void Probed(ILogger log, string credential, string detail);

    [LoggerMessage(35, LogLevel.Warning, "Compared both credentials on connections of their own: old {Before}; new {New}; old {After}")]
    public static partial void Compared(ILogger log, string before, string @new, string after);

    [LoggerMessage(50, LogLevel.Information, "Configured: {KeyAlgorithm} keys, requests signed with {SigningAlgorithm}, pre-flight {Preflight}")]
    public static partial void Configured(ILogger log, Contracts.KeyAlgorithm keyAlgorithm, Contracts.SigningAlgorithm signingAlgorithm, Cloud.PreflightMode preflight);

    [LoggerMessage(51, LogLevel.Information, "Deployment {Deployment} proposes a configuration: {Verdict}")]
    public static partial void Judged(ILogger log, string deployment, string verdict);

    [LoggerMessage(52, LogLevel.Information, "Deployment {Deployment} asks to go on: {Answer}")]
    public static partial void DeploymentAnswered(ILogger log, string deployment, string answer);

    [LoggerMessage(53, LogLevel.Information, "Waiting for a deployment to end before the nucleus is restarted")]
    public static partial void WaitingForDeployment(ILogger log);

    [LoggerMessage(54, LogLevel.Information, "This nucleus does not offer {What} ({Reason}); going on without")]
    public static partial void NotOffered(ILogger log, string what, string reason);

    [LoggerMessage(55, LogLevel.Warning, "Deployments can't be answered now: {Reason}. Trying again; the credential in use is untouched")]
    public static partial void NotListening(ILogger log, string reason);

    [LoggerMessage(56, LogLevel.Warning, "The configuration could not be read for the rotation that begins: {Reason}. It goes on with the one that was read last")]
    public static partial void NotCaughtUp(ILogger log, string reason);

    [LoggerMessage(40, LogLevel.Critical, "{Reason}")]
    public static partial void Fatal(ILogger log, string reason);
}
