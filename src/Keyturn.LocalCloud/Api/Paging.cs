using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>
/// Lists in pages. A token names the last entry given, not a position, so that entries which come and go between two pages
/// are neither lost nor doubled.
/// </summary>
internal static class Paging
{
    /// <summary>For <c>maxResults</c> and <c>nextToken</c>.</summary>
    public static JsonObject Page<T>(
        this ApiRequest request, string member, IEnumerable<T> ordered, Func<T, string> key, Func<T, JsonNode> show, int max = 250) =>
        request.Cut(member, ordered, key, show, "maxResults", "nextToken", "nextToken", defaultSize: Math.Min(25, max), max);

    /// <summary>For <c>pageSize</c> and <c>marker</c>.</summary>
    public static JsonObject MarkedPage<T>(
        this ApiRequest request, string member, IEnumerable<T> ordered, Func<T, string> key, Func<T, JsonNode> show) =>
        request.Cut(member, ordered, key, show, "pageSize", "marker", "nextMarker", defaultSize: 25, max: 250);

    public static JsonObject Cut<T>(
        this ApiRequest request, string member, IEnumerable<T> ordered, Func<T, string> key, Func<T, JsonNode> show,
        string sizeName, string tokenName, string nextName, int defaultSize, int max)
    {
        var size = (int)(request.QueryNumber(sizeName, 1, max) ?? defaultSize);
        return Cut(member, ordered, key, show, size, (tokenName, request.QueryText(tokenName)), nextName, name => RequestMembers.Invalid($"Invalid {name}"));
    }

    /// <summary>For services whose parameters are not in the query string.</summary>
    public static JsonObject Cut<T>(
        string member, IEnumerable<T> ordered, Func<T, string> key, Func<T, JsonNode> show,
        int size, (string Name, string? Value) given, string nextName, Func<string, ApiException> wrong)
    {
        var entries = ordered.ToList();
        var start = given.Value is { Length: > 0 } token ? After(entries.ConvertAll(e => key(e)), Decode(token) ?? throw wrong(given.Name)) : 0;
        var page = entries.Skip(start).Take(size).ToList();
        var answer = new JsonObject { [member] = new JsonArray([.. page.Select(show)]) };
        if (start + page.Count < entries.Count)
            answer[nextName] = Encode(start + page.Count - 1, key(page[^1]));
        return answer;
    }

    /// <summary>Where to go on. The last entry may be gone since; then the order of the keys tells, or else the position.</summary>
    private static int After(List<string> keys, (int Position, string Last) token)
    {
        var found = keys.IndexOf(token.Last);
        if (found >= 0)
            return found + 1;
        var next = keys.Zip(keys.Skip(1), string.CompareOrdinal).ToList() switch
        {
            var steps when steps.All(s => s < 0) => keys.FindIndex(k => string.CompareOrdinal(k, token.Last) > 0),
            var steps when steps.All(s => s > 0) => keys.FindIndex(k => string.CompareOrdinal(k, token.Last) < 0),
            _ => Math.Min(token.Position, keys.Count),
        };
        return next >= 0 ? next : keys.Count;
    }

    private static string Encode(int position, string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{position}|{key}"));

    private static (int Position, string Key)? Decode(string token)
    {
        if (!Base64.IsValid(token))
            return null;
        var text = Encoding.UTF8.GetString(Convert.FromBase64String(token));
        var bar = text.IndexOf('|', StringComparison.Ordinal);
        return bar > 0 && int.TryParse(text.AsSpan(0, bar), out var position) && position >= 0 ? (position, text[(bar + 1)..]) : null;
    }
}
