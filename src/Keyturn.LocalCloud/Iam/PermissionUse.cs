using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Iam;

/// <summary>
/// Which of the actions that a role's policies allow were ever asked for, so that a permission nobody uses, and a test
/// that would not notice its absence, can be seen.
/// </summary>
internal sealed class PermissionUse
{
    private readonly ConcurrentDictionary<string, bool> _used = new(StringComparer.OrdinalIgnoreCase);

    public void Record(string action) => _used.TryAdd(action, true);

    public JsonObject Show(IEnumerable<string> allowed)
    {
        var patterns = allowed.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal).ToList();
        return new JsonObject
        {
            ["used"] = List(patterns.Where(Used)),
            ["unused"] = List(patterns.Where(p => !Used(p))),
        };
    }

    private bool Used(string pattern) => _used.Keys.Any(action => Wildcard.Matches(pattern, action, ignoreCase: true));

    private static JsonArray List(IEnumerable<string> actions) => [.. actions.Select(a => (JsonNode)a)];
}
