using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Keyturn.LocalCloud.Api;

/// <summary>Who may sign: the operator's fixed key, and a temporary one for each function's role.</summary>
internal sealed class AccessKeys
{
    public const string OperatorId = "test";

    private readonly ConcurrentDictionary<string, AccessKey> _keys = new(StringComparer.Ordinal)
    {
        [OperatorId] = new(OperatorId, "test", null, null, null),
    };

    public AccessKey? Find(string id) => _keys.GetValueOrDefault(id);

    /// <summary>As the Lambda service does for a function: credentials of its role, with a session token.</summary>
    public AccessKey IssueForRole(string roleName, string sessionName)
    {
        var key = new AccessKey(
            "ASIA" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
            RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40),
            Convert.ToBase64String(RandomNumberGenerator.GetBytes(96)), roleName, sessionName);
        _keys[key.Id] = key;
        return key;
    }

    public void Revoke(AccessKey key) => _keys.TryRemove(key.Id, out _);
}

/// <param name="SessionToken">Set for temporary credentials; requests must carry it.</param>
/// <param name="RoleName">The role whose policies bound this key; null for the operator, who may do everything.</param>
internal sealed record AccessKey(string Id, string Secret, string? SessionToken, string? RoleName, string? SessionName);
