namespace Keyturn.LocalCloud.Registry;

/// <summary>What the broker and the jobs engine ask of the registry.</summary>
internal interface IDeviceDirectory
{
    /// <summary>Null when no such certificate is registered. The id is the lower-case hex SHA-256 of the DER.</summary>
    DeviceCertificate? FindCertificate(string certificateId);

    DeviceThing? FindThing(string thingName);

    /// <summary>Names of the things in a static group; null when there is no such group.</summary>
    IReadOnlyList<string>? ThingsInGroup(string groupName);

    /// <summary>Names of the static groups that the thing is a member of, itself or through their children.</summary>
    IReadOnlyList<string> GroupsOfThing(string thingName);

    /// <summary>Raised after a certificate ceased to be ACTIVE or was deleted: its sessions must end.</summary>
    event Action<string>? CertificateRetired;

    /// <summary>Raised with (group, thing) after a thing joined a group: continuous jobs take it in.</summary>
    event Action<string, string>? ThingJoinedGroup;

    /// <summary>Raised with (group, thing) after a thing left a group: continuous jobs withdraw what is not begun.</summary>
    event Action<string, string>? ThingLeftGroup;

    /// <summary>Raised with the name after a thing was deleted.</summary>
    event Action<string>? ThingDeleted;
}

/// <param name="Policies">Documents of the default version of every policy attached to the certificate.</param>
/// <param name="Things">Things the certificate is attached to.</param>
/// <param name="ExclusiveThing">The one thing that the certificate is attached to as EXCLUSIVE_THING; it is among <paramref name="Things"/>.</param>
internal sealed record DeviceCertificate(
    string CertificateId, bool IsActive, IReadOnlyList<string> Policies, IReadOnlyList<DeviceThing> Things,
    DeviceThing? ExclusiveThing = null);

internal sealed record DeviceThing(string Name, string Arn, string? TypeName, IReadOnlyDictionary<string, string> Attributes);
