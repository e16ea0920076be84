using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Which kinds of events are published at all. None, until UpdateEventConfigurations says so.</summary>
internal sealed class EventConfigurations(TimeProvider time)
{
    private static readonly string[] Types =
    [
        "THING", "THING_GROUP", "THING_TYPE", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY", "THING_TYPE_ASSOCIATION",
        "JOB", "JOB_EXECUTION", "POLICY", "CERTIFICATE", "CA_CERTIFICATE",
    ];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, bool> _enabled = Types.ToDictionary(t => t, _ => false);
    private DateTimeOffset? _created;
    private DateTimeOffset? _modified;

    public IEnumerable<ApiOperation> Operations =>
    [
        new("iot", "DescribeEventConfigurations", "GET", "/event-configurations", Describe),
        new("iot", "UpdateEventConfigurations", "PATCH", "/event-configurations", Update),
    ];

    public bool IsEnabled(string type)
    {
        lock (_lock)
            return _enabled[type];
    }

    public void Enable(params ReadOnlySpan<string> types)
    {
        lock (_lock)
        {
            foreach (var type in types)
                _enabled[type] = true;
            _modified = time.GetUtcNow();
            _created ??= _modified;
        }
    }

    private ValueTask<ApiResponse> Describe(ApiRequest request, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var json = new JsonObject
            {
                ["eventConfigurations"] = new JsonObject(
                    Types.Select(t => KeyValuePair.Create(t, (JsonNode?)new JsonObject { ["Enabled"] = _enabled[t] }))),
            };
            json.Put("creationDate", _created?.Epoch());
            json.Put("lastModifiedDate", _modified?.Epoch());
            return ValueTask.FromResult(new ApiResponse(Json: json));
        }
    }

    private ValueTask<ApiResponse> Update(ApiRequest request, CancellationToken cancellation)
    {
        var changes = (request.Object("eventConfigurations") ?? []).Select(c => (
            Type: Types.Contains(c.Key) ? c.Key : throw RequestMembers.Invalid($"'{c.Key}' is not a type of event."),
            Enabled: (c.Value as JsonObject ?? throw RequestMembers.Invalid($"'{c.Key}' is not a structure.")).Flag("iot", "Enabled") ?? false)).ToList();
        lock (_lock)
        {
            foreach (var (type, enabled) in changes)
                _enabled[type] = enabled;
            _modified = time.GetUtcNow();
            _created ??= _modified;
        }

        return ValueTask.FromResult(ApiResponse.Empty);
    }
}
