using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>What core devices last said of themselves on <c>$aws/things/T/greengrassv2/health/json</c>.</summary>
internal sealed partial class CoreDevices(TimeProvider time)
{
    private const int MaxComponents = 1000;
    private readonly SortedDictionary<string, CoreDevice> _devices = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    public IReadOnlyList<CoreDevice> All
    {
        get
        {
            lock (_gate)
                return [.. _devices.Values];
        }
    }

    public CoreDevice? Find(string thing)
    {
        lock (_gate)
            return _devices.GetValueOrDefault(thing);
    }

    public void Remove(string thing)
    {
        lock (_gate)
            _devices.Remove(thing);
    }

    public void Watch(BusMessage message)
    {
        if (Topic().Match(message.Topic) is not { Success: true } match || Parse(message.Payload) is not { } health)
            return;
        var thing = match.Groups[1].Value;
        var now = time.GetUtcNow();
        lock (_gate)
        {
            var reported = (health["components"] as JsonArray ?? []).OfType<JsonObject>().Take(MaxComponents).Select(c => Component(c, now)).OfType<InstalledComponent>().ToList();
            // A partial message speaks of what changed only.
            var kept = Text(health, "messageType") == "PARTIAL" && _devices.TryGetValue(thing, out var before) ? before.Components.Where(c => reported.TrueForAll(r => r.Name != c.Name)) : [];
            _devices[thing] = new CoreDevice(
                thing, Text(health, "ggcVersion") ?? "", Text(health, "platform") ?? "", Text(health, "architecture") ?? "",
                Text(health, "overallDeviceStatus") == "UNHEALTHY" ? "UNHEALTHY" : "HEALTHY", now, [.. kept.Concat(reported).OrderBy(c => c.Name, StringComparer.Ordinal)]);
        }
    }

    private static InstalledComponent? Component(JsonObject json, DateTimeOffset now) => Text(json, "componentName") is { Length: > 0 } name
        ? new(name, Text(json, "version") ?? "", Text(json, "state") ?? "NEW", json["isRoot"]?.GetValueKind() == JsonValueKind.True, now)
        : null;

    private static string? Text(JsonObject json, string name) => json[name]?.GetValueKind() == JsonValueKind.String ? json[name]!.GetValue<string>() : null;

    private static JsonObject? Parse(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return StrictJson.Parse(payload.Span) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\A\$aws/things/([^/]+)/greengrassv2/health/json\z", RegexOptions.CultureInvariant)]
    private static partial Regex Topic();
}

internal sealed record CoreDevice(
    string Thing, string Version, string Platform, string Architecture, string Status, DateTimeOffset Heard, IReadOnlyList<InstalledComponent> Components);

internal sealed record InstalledComponent(string Name, string Version, string State, bool IsRoot, DateTimeOffset Heard);
