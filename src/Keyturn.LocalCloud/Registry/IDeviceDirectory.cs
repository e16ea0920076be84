namespace Keyturn.LocalCloud.Registry;

/// <summary>What the broker and the jobs engine ask of the registry.</summary>
internal interface IDeviceDirectory
{
    /// <summary>Null when no such certificate is registered. The id is the lower-case hex SHA-256 of the DER.</summary>
    DeviceCertificate? FindCertificate(string certificateId);

    DeviceThing? FindThing(string thingName);

    /// <summary>Names of the things in a static group; null when there is no such group.</summary>
    IReadOnlyList<string>? ThingsInGroup(string groupName);

    /// <summary>Raised after a certificate ceased to be ACTIVE or was deleted: its sessions must end.</summary>
    event Action<string>? CertificateRetired;

    /// <summary>Raised with (group, thing) after a thing joined a group: continuous jobs take it in.</summary>
    event Action<string, string>? ThingJoinedGroup;

    /// <summary>Raised with the name after a thing was deleted.</summary>
    event Action<string>? ThingDeleted;
}

/// <param name="Policies">Documents of the default version of every policy attached to the certificate.</param>
/// <param name="Things">Things the certificate is attached to.</param>
internal sealed record DeviceCertificate(
    string CertificateId, bool IsActive, IReadOnlyList<string> Policies, IReadOnlyList<DeviceThing> Things);

internal sealed record DeviceThing(string Name, string Arn, string? TypeName, IReadOnlyDictionary<string, string> Attributes);
