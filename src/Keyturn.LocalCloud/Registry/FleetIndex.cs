using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>
/// Fleet indexing of things by name, group, type and attribute: enough to list the things of a group. The index is the registry
/// itself, so that it is never behind.
/// https://docs.aws.amazon.com/iot/latest/developerguide/query-syntax.html
/// </summary>
internal sealed partial class FleetIndex(DeviceRegistry registry)
{
    private const string IndexName = "AWS_Things";
    private static readonly MemberRule Modes = new(values: ["OFF", "REGISTRY", "REGISTRY_AND_SHADOW"]);

    private JsonObject _configuration = new() { ["thingIndexingMode"] = "OFF" };

    public IEnumerable<ApiOperation> All =>
    [
        new("iot", "GetIndexingConfiguration", "GET", "/indexing/config", registry.Locked(_ => Configuration())),
        new("iot", "UpdateIndexingConfiguration", "POST", "/indexing/config", registry.Locked(Update)),
        new("iot", "ListIndices", "GET", "/indices", registry.Locked(r => r.Page("indexNames", IsOn ? [IndexName] : Array.Empty<string>(), n => n, n => n))),
        new("iot", "DescribeIndex", "GET", "/indices/{indexName}", registry.Locked(Describe)),
        new("iot", "SearchIndex", "POST", "/indices/search", registry.Locked(Search)),
    ];

    private bool IsOn => _configuration["thingIndexingMode"]!.ToString() != "OFF";

    private JsonObject Configuration() => new()
    {
        ["thingIndexingConfiguration"] = _configuration.DeepClone(),
        ["thingGroupIndexingConfiguration"] = new JsonObject { ["thingGroupIndexingMode"] = "OFF" },
    };

    private JsonNode Update(ApiRequest request)
    {
        if (request.Object("thingGroupIndexingConfiguration") is { } groups && (groups.Text("iot", "thingGroupIndexingMode") ?? throw RequestMembers.Missing("thingGroupIndexingMode")) != "OFF")
            throw RequestMembers.Invalid("This cloud indexes things, not thing groups.");
        if (request.Object("thingIndexingConfiguration") is { } things)
        {
            var mode = things.Text("iot", "thingIndexingMode", Modes) ?? throw RequestMembers.Missing("thingIndexingMode");
            if (mode == "REGISTRY_AND_SHADOW")
                throw RequestMembers.Invalid("This cloud indexes the registry, not shadows: write REGISTRY.");
            if (things.FirstOrDefault(m => m.Key != "thingIndexingMode" && m.Value?.ToString() is not (null or "OFF")).Key is { } unknown)
                throw RequestMembers.Invalid($"This cloud does not index by {unknown}.");
            _configuration = new JsonObject { ["thingIndexingMode"] = mode };
        }

        return new JsonObject();
    }

    private JsonNode Describe(ApiRequest request)
    {
        CheckIndex(request.Labels["indexName"]);
        return new JsonObject { ["indexName"] = IndexName, ["indexStatus"] = "ACTIVE", ["schema"] = _configuration["thingIndexingMode"]!.ToString() };
    }

    private JsonNode Search(ApiRequest request)
    {
        CheckIndex(request.Text("indexName") ?? IndexName);
        var terms = Parse(request.RequiredText("queryString", new MemberRule(1, 1000)));
        var size = (int)(request.Number("maxResults", 1, 500) ?? 100);
        return Paging.Cut(
            "things", registry.Things.Values.Where(t => terms.All(term => term(t))), t => t.Name, Show, size, ("nextToken", request.Text("nextToken")), "nextToken",
            name => RequestMembers.Invalid($"Invalid {name}"));
    }

    private void CheckIndex(string name)
    {
        if (name != IndexName || !IsOn)
            throw DeviceRegistry.NotFound($"Index {name} does not exist.");
    }

    /// <summary>Terms <c>field:value</c>, all of which must hold; the value may hold <c>*</c> and <c>?</c>.</summary>
    private List<Predicate<Thing>> Parse(string query)
    {
        var terms = new List<Predicate<Thing>>();
        foreach (var word in Conjunction().Split(query.Trim()))
        {
            var match = Term().Match(word);
            if (!match.Success)
                throw new ApiException(400, "InvalidQueryException", $"This cloud searches for FIELD:VALUE, joined by AND; it can't read '{word}'.");
            var (field, value) = (match.Groups["field"].Value, match.Groups["quoted"].Success ? match.Groups["quoted"].Value : match.Groups["value"].Value);
            terms.Add(field switch
            {
                "thingName" => t => Matches(value, t.Name),
                "thingGroupNames" => t => registry.GroupsOf(t).Any(g => Matches(value, g.Name)),
                "thingTypeName" => t => t.TypeName is { } type && Matches(value, type),
                _ when field.StartsWith("attributes.", StringComparison.Ordinal) => t => t.Attributes.TryGetValue(field["attributes.".Length..], out var held) && Matches(value, held),
                _ => throw new ApiException(400, "InvalidQueryException", $"This cloud does not index {field}."),
            });
        }

        return terms;
    }

    private static bool Matches(string pattern, string value) => Iam.Wildcard.Matches(pattern, value, ignoreCase: false);

    private JsonObject Show(Thing thing)
    {
        var shown = new JsonObject
        {
            ["thingName"] = thing.Name,
            ["thingId"] = thing.Id,
            ["thingGroupNames"] = new JsonArray([.. registry.GroupsOf(thing).Select(g => (JsonNode)g.Name)]),
            ["attributes"] = AttributePayload.Show(thing.Attributes),
        };
        if (thing.TypeName is not null)
            shown["thingTypeName"] = thing.TypeName;
        return shown;
    }

    [GeneratedRegex(@"\s+AND\s+|\s+")]
    private static partial Regex Conjunction();

    [GeneratedRegex("""\A(?<field>[A-Za-z][A-Za-z0-9_.-]*):(?:"(?<quoted>[^"]+)"|(?<value>[^\s":()]+))\z""", RegexOptions.ExplicitCapture)]
    private static partial Regex Term();
}
