using System.Collections.Frozen;

namespace Keyturn.LocalCloud.Api;

/// <summary>Finds the operation that a request means, among those of one service.</summary>
internal sealed class ApiRouter
{
    private readonly FrozenDictionary<string, Route[]> _routes;
    private readonly FrozenDictionary<(string Service, string Name), ApiOperation> _named;

    public ApiRouter(IEnumerable<ApiOperation> operations)
    {
        var all = operations.ToList();
        _named = all.Where(o => !o.Path.StartsWith('/')).ToFrozenDictionary(o => (o.Service, o.Path));
        // A literal segment beats a placeholder: /thing-groups/addThingToThingGroup is not the group of that name.
        _routes = all.Where(o => o.Path.StartsWith('/'))
            .Select(o => new Route(o, o.Path.TrimEnd('/').Split('/')[1..]))
            .GroupBy(r => r.Operation.Service)
            .ToFrozenDictionary(g => g.Key, g => g.OrderBy(r => r.Specificity, StringComparer.Ordinal).ToArray());
    }

    /// <param name="name">The operation's name, as JSON-RPC and query services send it.</param>
    public ApiOperation? FindNamed(string service, string name) => _named.GetValueOrDefault((service, name));

    /// <param name="rawPath">The path as it came, still percent-encoded, so that an encoded slash does not separate.</param>
    public (ApiOperation Operation, IReadOnlyDictionary<string, string> Labels)? FindPath(string service, string method, string rawPath)
    {
        if (!_routes.TryGetValue(service, out var routes) || !rawPath.StartsWith('/'))
            return null;
        var segments = rawPath.TrimEnd('/').Split('/')[1..];
        foreach (var route in routes)
        {
            if (route.Operation.Method == method && route.Match(segments) is { } labels)
                return (route.Operation, labels);
        }

        return null;
    }

    private sealed record Route(ApiOperation Operation, string[] Template)
    {
        public string Specificity { get; } = string.Concat(Template.Select(s => s.EndsWith("+}", StringComparison.Ordinal) ? '3' : s.StartsWith('{') ? '2' : '1'));

        public Dictionary<string, string>? Match(string[] segments)
        {
            var greedy = Template.Length > 0 && Template[^1].EndsWith("+}", StringComparison.Ordinal);
            if (greedy ? segments.Length < Template.Length : segments.Length != Template.Length)
                return null;
            var labels = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i < Template.Length; i++)
            {
                var expected = Template[i];
                if (!expected.StartsWith('{'))
                {
                    if (!string.Equals(expected, Uri.UnescapeDataString(segments[i]), StringComparison.Ordinal))
                        return null;
                }
                else if (i == Template.Length - 1 && greedy)
                {
                    labels[expected[1..^2]] = Uri.UnescapeDataString(string.Join('/', segments[i..]));
                }
                else if (segments[i].Length == 0)
                {
                    return null;
                }
                else
                {
                    labels[expected[1..^1]] = Uri.UnescapeDataString(segments[i]);
                }
            }

            return labels;
        }
    }
}
