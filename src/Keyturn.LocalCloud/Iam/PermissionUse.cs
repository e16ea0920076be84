using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Iam;

/// <summary>
/// Which of the actions that a role's policies allow were ever needed: without that one action a call would have been refused. So a permission
/// that nobody needs is seen, and one that another statement gives as well.
/// </summary>
internal sealed class PermissionUse
{
    private readonly ConcurrentDictionary<string, bool> _needed = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="grants">Every action of every statement that allowed the one call.</param>
    public void Record(IReadOnlyList<string> grants)
    {
        if (grants is [var only])
            _needed.TryAdd(only, true);
    }

    public JsonObject Show(IEnumerable<string> allowed)
    {
        var patterns = allowed.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal).ToList();
        return new JsonObject
        {
            ["used"] = List(patterns.Where(Used)),
            ["unused"] = List(patterns.Where(p => !Used(p))),
        };
    }

    private bool Used(string pattern) => _needed.ContainsKey(pattern);

    private static JsonArray List(IEnumerable<string> actions) => [.. actions.Select(a => (JsonNode)a)];
}
