using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Api;

/// <summary>How often each operation was called over HTTP, for <c>/calls</c>.</summary>
internal sealed class CallCounter
{
    private readonly ConcurrentDictionary<string, long> _calls = new(StringComparer.Ordinal);

    public void Count(ApiOperation operation) => _calls.AddOrUpdate($"{operation.Service}:{operation.Name}", 1, (_, n) => n + 1);

    public void Reset() => _calls.Clear();

    public JsonObject Show() =>
        new(_calls.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => KeyValuePair.Create(c.Key, (JsonNode?)c.Value)));
}
