using System.Net;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Policies;

/// <summary>What a policy may ask about the one who acts.</summary>
/// <param name="ClientId">Null for requests over HTTPS.</param>
/// <param name="Presented">The certificate as it came in the handshake; null when only its id is known.</param>
/// <param name="LastWillTopic">Only while a connection is being made.</param>
internal sealed record PolicyContext(
    DeviceCertificate Certificate, string? ClientId, X509Certificate2? Presented, IPAddress? SourceIp, DateTimeOffset Now,
    string? LastWillTopic = null)
{
    /// <summary>
    /// The thing that the thing variables speak of. A certificate attached exclusively says by itself which thing connects;
    /// otherwise the client id must be the name of a thing that the certificate is attached to. Thing variables exist over
    /// MQTT only.
    /// </summary>
    public DeviceThing? Thing => ClientId is null
        ? null
        : Certificate.ExclusiveThing ?? Certificate.Things.FirstOrDefault(t => t.Name == ClientId);
}
