using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>What the policies of a connection's certificate allow, asked anew for each message: they may have changed.</summary>
internal sealed class DeviceAccess(IDeviceDirectory directory, CloudAccount account, TimeProvider time)
{
    public bool MayConnect(DeviceCertificate certificate, SessionOwner owner, string clientId, string? lastWillTopic) =>
        Allows(certificate, owner, clientId, "iot:Connect", "client/" + clientId, lastWillTopic);

    public bool MayPublish(DeviceCertificate certificate, SessionOwner owner, string clientId, string topic, bool retain) =>
        Allows(certificate, owner, clientId, "iot:Publish", "topic/" + topic)
        && (!retain || Allows(certificate, owner, clientId, "iot:RetainPublish", "topic/" + topic));

    public bool MayPublish(SessionOwner owner, string clientId, string topic, bool retain) =>
        Current(owner) is { } certificate && MayPublish(certificate, owner, clientId, topic, retain);

    public bool MaySubscribe(SessionOwner owner, string clientId, string filter) =>
        Current(owner) is { } certificate && Allows(certificate, owner, clientId, "iot:Subscribe", "topicfilter/" + filter);

    public bool MayReceive(SessionOwner owner, string clientId, string topic) =>
        Current(owner) is { } certificate && Allows(certificate, owner, clientId, "iot:Receive", "topic/" + topic);

    private DeviceCertificate? Current(SessionOwner owner) =>
        directory.FindCertificate(owner.Principal) is { IsActive: true } certificate ? certificate : null;

    private bool Allows(
        DeviceCertificate certificate, SessionOwner owner, string clientId, string action, string resource, string? lastWillTopic = null) =>
        PolicyEvaluation.Allows(
            new PolicyContext(certificate, clientId, owner.Presented, owner.Address, time.GetUtcNow(), lastWillTopic),
            action, account.Arn("iot", resource));
}
