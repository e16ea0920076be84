using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Ipc;

namespace Keyturn.LocalCore.Core;

/// <summary>GetConfiguration, UpdateConfiguration, SubscribeToConfigurationUpdate.</summary>
internal sealed class ConfigurationOperations(ConfigurationStore store)
{
    private const string AccessControlKey = "accessControl";

    public IEnumerable<Operation> All =>
    [
        new("GetConfiguration", Streaming: false, Get),
        new("UpdateConfiguration", Streaming: false, Update),
        new("SubscribeToConfigurationUpdate", Streaming: true, Subscribe),
    ];

    private ValueTask<JsonObject> Get(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var component = request.Text("componentName") ?? stream.Component;
        var (name, value, isLeaf, _) = store.Look(PathOf(component, request.Texts("keyPath"))) ?? throw IpcException.NotFound("Key not found");
        return ValueTask.FromResult(new JsonObject
        {
            ["componentName"] = component,
            ["value"] = isLeaf ? new JsonObject { [name] = value } : value,
        });
    }

    private ValueTask<JsonObject> Update(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var timestamp = (request.Time("timestamp") ?? throw IpcException.InvalidArguments("Timestamp is required")).ToUnixTimeMilliseconds();
        var value = request["valueToMerge"] ?? throw IpcException.InvalidArguments("ValueToMerge is required");
        var keys = request.Texts("keyPath");
        var first = keys.Count > 0 ? keys.Take(1) : (value as JsonObject)?.Select(p => p.Key) ?? [];
        if (first.Contains(AccessControlKey, StringComparer.OrdinalIgnoreCase))
            throw IpcException.InvalidArguments($"Config update is not allowed for following fields [{AccessControlKey}]");

        string[] path = [.. PathOf(stream.Component, keys)];
        var node = store.Look(path);
        switch (node, value)
        {
            case ({ IsLeaf: true } leaf, _):
                // Newer values stay; the caller is told.
                if (timestamp < leaf.Timestamp)
                    throw IpcException.FailedCondition("Proposed timestamp is older than the config's latest modified timestamp");
                store.Merge(path[..^1], new() { [leaf.Name] = value.DeepClone() }, timestamp);
                break;
            case (_, JsonObject map):
                store.Merge(path, map, timestamp);
                if (node is not null && timestamp < store.Look(path)!.Value.Timestamp)
                    throw IpcException.FailedCondition("Proposed timestamp is older than the config's latest modified timestamp");
                break;
            default:
                throw IpcException.InvalidArguments("ValueToMerge must be an object where keyPath names no value");
        }
        return ValueTask.FromResult(new JsonObject());
    }

    private ValueTask<JsonObject> Subscribe(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var component = request.Text("componentName") ?? stream.Component;
        string[] path = [.. PathOf(component, request.Texts("keyPath"))];
        if (store.Look(path) is null)
            throw IpcException.NotFound("Key not found");

        void OnChanged(IReadOnlyList<string> changed)
        {
            if (changed.Count < path.Length || !changed.Take(path.Length).SequenceEqual(path, StringComparer.OrdinalIgnoreCase))
                return;
            stream.SendEvent(Operation.Namespace + "ConfigurationUpdateEvents", new()
            {
                ["configurationUpdateEvent"] = new JsonObject
                {
                    ["componentName"] = component,
                    ["keyPath"] = new JsonArray([.. changed.Skip(3).Select(k => JsonValue.Create(k))]),
                },
            });
        }

        store.Changed += OnChanged;
        stream.WhenClosed(() => store.Changed -= OnChanged);
        return ValueTask.FromResult(new JsonObject());
    }

    private static IEnumerable<string> PathOf(string component, IReadOnlyList<string> keys) => ["services", component, "configuration", .. keys];
}
