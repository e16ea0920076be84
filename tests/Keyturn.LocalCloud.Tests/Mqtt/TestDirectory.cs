using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Tests.Mqtt;

/// <summary>A registry in memory: what the broker and the engine ask for, settable by tests.</summary>
internal sealed class TestDirectory : IDeviceDirectory
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DeviceCertificate> _certificates = [];
    private readonly Dictionary<string, DeviceThing> _things = [];
    private readonly Dictionary<string, List<string>> _groups = [];

    public event Action<string>? CertificateRetired;

    public event Action<string, string>? ThingJoinedGroup;

    public event Action<string, string>? ThingLeftGroup;

    public event Action<string>? ThingDeleted;

    public DeviceCertificate? FindCertificate(string certificateId)
    {
        lock (_lock)
            return _certificates.GetValueOrDefault(certificateId);
    }

    public DeviceThing? FindThing(string thingName)
    {
        lock (_lock)
            return _things.GetValueOrDefault(thingName);
    }

    public IReadOnlyList<string>? ThingsInGroup(string groupName)
    {
        lock (_lock)
            return _groups.TryGetValue(groupName, out var things) ? [.. things] : null;
    }

    public IReadOnlyList<string> GroupsOfThing(string thingName)
    {
        lock (_lock)
            return [.. _groups.Where(g => g.Value.Contains(thingName)).Select(g => g.Key)];
    }

    public DeviceThing AddThing(string name, string? type = null, Dictionary<string, string>? attributes = null)
    {
        var thing = new DeviceThing(name, new CloudAccount().Arn("iot", "thing/" + name), type, attributes ?? []);
        lock (_lock)
            _things[name] = thing;
        return thing;
    }

    public string Register(X509Certificate2 certificate, IReadOnlyList<string> policies, DeviceThing? thing = null, bool exclusive = false)
    {
        var id = IdOf(certificate);
        lock (_lock)
            _certificates[id] = new DeviceCertificate(id, true, policies, thing is null ? [] : [thing], exclusive ? thing : null);
        return id;
    }

    public void SetPolicies(string certificateId, params string[] policies)
    {
        lock (_lock)
            _certificates[certificateId] = _certificates[certificateId] with { Policies = policies };
    }

    public void Retire(string certificateId)
    {
        lock (_lock)
            _certificates[certificateId] = _certificates[certificateId] with { IsActive = false };
        CertificateRetired?.Invoke(certificateId);
    }

    public void AddGroup(string name, params string[] things)
    {
        lock (_lock)
            _groups[name] = [.. things];
    }

    public void Join(string group, string thing)
    {
        lock (_lock)
            _groups[group].Add(thing);
        ThingJoinedGroup?.Invoke(group, thing);
    }

    public void Leave(string group, string thing)
    {
        lock (_lock)
            _groups[group].Remove(thing);
        ThingLeftGroup?.Invoke(group, thing);
    }

    public void DeleteThing(string name)
    {
        lock (_lock)
            _things.Remove(name);
        ThingDeleted?.Invoke(name);
    }

    public static string IdOf(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
}
