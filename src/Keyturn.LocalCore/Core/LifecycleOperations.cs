using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Ipc;

namespace Keyturn.LocalCore.Core;

/// <summary>UpdateState.</summary>
internal sealed class LifecycleOperations(Func<string, ComponentSupervisor?> find)
{
    public IEnumerable<Operation> All => [new("UpdateState", Streaming: false, UpdateState)];

    private ValueTask<JsonObject> UpdateState(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var state = request.Text("state") switch
        {
            "RUNNING" => ComponentState.Running,
            "ERRORED" => ComponentState.Errored,
            null => throw IpcException.InvalidArguments("State is required"),
            var other => throw IpcException.InvalidArguments($"Invalid state {other}"),
        };
        var component = find(stream.Component) ?? throw IpcException.NotFound($"Component {stream.Component} is not running");
        component.Report(state);
        return ValueTask.FromResult(new JsonObject());
    }
}
