using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>Lists and maps in the form that the query protocol gives them: <c>Attributes.entry.1.key</c>.</summary>
internal static class QueryForm
{
    public static Dictionary<string, string> Map(ApiRequest request, string name)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in Entries(request, name + ".entry"))
        {
            if (entry.TryGetValue("key", out var key) && entry.TryGetValue("value", out var value))
                map[key] = value;
        }

        return map;
    }

    /// <summary>The members of each numbered entry, in the entries' order.</summary>
    public static IEnumerable<Dictionary<string, string>> Entries(ApiRequest request, string prefix) =>
        from parameter in request.Query
        where parameter.Key.StartsWith(prefix + ".", StringComparison.Ordinal)
        let rest = parameter.Key[(prefix.Length + 1)..].Split('.', 2)
        where rest.Length == 2 && int.TryParse(rest[0], out _)
        group (Name: rest[1], Value: parameter.First()) by int.Parse(rest[0], null) into entry
        orderby entry.Key
        select entry.GroupBy(m => m.Name).ToDictionary(m => m.Key, m => m.First().Value, StringComparer.Ordinal);

    public static JsonObject Show(IEnumerable<KeyValuePair<string, string>> map) => new()
    {
        ["entry"] = new JsonArray([.. map.Select(e => new JsonObject { ["key"] = e.Key, ["value"] = e.Value })]),
    };
}
