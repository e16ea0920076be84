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
        var entries = ordered.ToList();
        var start = 0;
        if (request.QueryText(tokenName) is { Length: > 0 } token)
        {
            // "position|key": the position serves when the entry is gone since.
            var (position, last) = Decode(tokenName, token);
            var found = entries.FindIndex(e => key(e) == last);
            start = found >= 0 ? found + 1 : Math.Min(position, entries.Count);
        }

        var page = entries.Skip(start).Take(size).ToList();
        var answer = new JsonObject { [member] = new JsonArray([.. page.Select(show)]) };
        if (start + page.Count < entries.Count)
            answer[nextName] = Encode(start + page.Count - 1, key(page[^1]));
        return answer;
    }

    private static string Encode(int position, string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{position}|{key}"));

    private static (int Position, string Key) Decode(string name, string token)
    {
        if (Base64.IsValid(token))
        {
            var text = Encoding.UTF8.GetString(Convert.FromBase64String(token));
            var bar = text.IndexOf('|', StringComparison.Ordinal);
            if (bar > 0 && int.TryParse(text.AsSpan(0, bar), out var position) && position >= 0)
                return (position, text[(bar + 1)..]);
        }

        throw RequestMembers.Invalid($"Invalid {name}");
    }
}
