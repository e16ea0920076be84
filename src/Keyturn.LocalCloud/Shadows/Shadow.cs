using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Shadows;

/// <summary>One shadow of one thing. Its version goes on counting after it was deleted.</summary>
internal sealed class Shadow(string thing, string? name)
{
    private const int MaxBytes = 8 * 1024;
    private static readonly string[] Sections = ["desired", "reported"];

    private JsonObject _state = [];
    private JsonObject _metadata = [];

    public string Thing { get; } = thing;

    public string? Name { get; } = name;

    public string TopicPrefix { get; } = $"$aws/things/{thing}/shadow{(name is null ? "" : "/name/" + name)}";

    public bool Exists { get; private set; }

    public long Version { get; private set; }

    public ShadowChange Update(ShadowUpdate update, long timestamp)
    {
        if (update.Version is { } version && version != (Exists ? Version : 0))
            throw new ShadowException(409, "Version conflict");
        var (state, metadata) = (_state.DeepClone().AsObject(), _metadata.DeepClone().AsObject());
        var accepted = new JsonObject();
        foreach (var section in Sections)
        {
            if (!update.State.TryGetPropertyValue(section, out var change))
                continue;
            if (change is JsonObject members)
            {
                var (into, about) = (Section(state, section), Section(metadata, section));
                ShadowMerge.Apply(into, about, members, timestamp);
                accepted[section] = ShadowMerge.Stamps(members, timestamp);
                if (into.Count > 0)
                    continue;
            }

            state.Remove(section);
            metadata.Remove(section);
        }

        if (JsonSerializer.SerializeToUtf8Bytes(state).Length > MaxBytes)
            throw new ShadowException(413, "The payload exceeds the maximum size allowed");
        var previous = Snapshot();
        (_state, _metadata, Exists) = (state, metadata, true);
        Version++;
        return new ShadowChange(accepted, previous, Snapshot(), Delta());
    }

    /// <returns>The version that was deleted.</returns>
    public long Delete()
    {
        if (!Exists)
            throw ShadowException.NotFound(Thing, Name);
        (_state, _metadata, Exists) = ([], [], false);
        return Version;
    }

    /// <summary>As get shows it: the sections, what differs between them, and when each value was set.</summary>
    public JsonObject Read(long timestamp)
    {
        if (!Exists)
            throw ShadowException.NotFound(Thing, Name);
        var state = _state.DeepClone().AsObject();
        if (Delta() is { } delta)
            state["delta"] = delta.State;
        return new JsonObject
        {
            ["state"] = state, ["metadata"] = _metadata.DeepClone(), ["version"] = Version, ["timestamp"] = timestamp,
        };
    }

    private (JsonObject State, JsonObject Metadata)? Delta() =>
        ShadowMerge.Delta(_state["desired"] as JsonObject, _state["reported"] as JsonObject, _metadata["desired"] as JsonObject);

    private JsonObject Snapshot()
    {
        var json = new JsonObject { ["state"] = _state.DeepClone(), ["metadata"] = _metadata.DeepClone() };
        if (Version > 0)
            json["version"] = Version;
        return json;
    }

    private static JsonObject Section(JsonObject json, string name)
    {
        if (json[name] is not JsonObject section)
            json[name] = section = [];
        return section;
    }
}

/// <param name="State">With desired, reported, both or neither.</param>
internal sealed record ShadowUpdate(JsonObject State, long? Version, string? ClientToken);

/// <param name="AcceptedMetadata">Times of what the request named.</param>
internal sealed record ShadowChange(
    JsonObject AcceptedMetadata, JsonObject Previous, JsonObject Current, (JsonObject State, JsonObject Metadata)? Delta);
