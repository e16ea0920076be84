using System.Text.Json.Nodes;
using Keyturn.LocalCore.Ipc;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Deployments;

/// <summary>
/// The components that a deployment asks: SubscribeToComponentUpdates and DeferComponentUpdate, SubscribeToValidateConfigurationUpdates and
/// SendConfigurationValidityReport. Who has not subscribed is not asked.
/// </summary>
internal sealed class DeploymentParticipants(TimeProvider time, ILogger log)
{
    private readonly Lock gate = new();
    private readonly Dictionary<IpcStream, TaskCompletionSource<long>?> listeners = [];
    private readonly Dictionary<string, IpcStream> validators = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<(string Component, string Deployment), TaskCompletionSource<string?>> reports = [];
    private string? announced;

    public IEnumerable<Operation> All =>
    [
        new("SubscribeToComponentUpdates", Streaming: true, SubscribeToUpdates),
        new("DeferComponentUpdate", Streaming: false, Defer),
        new("SubscribeToValidateConfigurationUpdates", Streaming: true, SubscribeToValidation),
        new("SendConfigurationValidityReport", Streaming: false, Report),
    ];

    /// <summary>Returns when nobody wants to wait any longer. Who does not answer is not waited for.</summary>
    public async Task AskAsync(string deployment, TimeSpan patience, CancellationToken cancellation)
    {
        while (true)
        {
            List<TaskCompletionSource<long>> answers = [];
            lock (gate)
            {
                announced = deployment;
                foreach (var listener in listeners.Keys.ToList())
                {
                    var answer = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
                    listeners[listener] = answer;
                    answers.Add(answer);
                    Tell(listener, "preUpdateEvent", new() { ["deploymentId"] = deployment, ["isGgcRestarting"] = false });
                }
            }
            await Task.WhenAll(answers.Select(a => (Task)a.Task)).WaitAsync(patience, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
            var recheck = answers.Where(a => a.Task.IsCompletedSuccessfully).Select(a => a.Task.Result).DefaultIfEmpty(0).Max();
            if (recheck <= 0)
                return;
            log.DeploymentDeferred(deployment, recheck);
            await Task.Delay(TimeSpan.FromMilliseconds(recheck), time, cancellation).ConfigureAwait(false);
        }
    }

    public void TellDone(string deployment)
    {
        lock (gate)
        {
            announced = null;
            foreach (var listener in listeners.Keys.ToList())
            {
                listeners[listener] = null;
                Tell(listener, "postUpdateEvent", new() { ["deploymentId"] = deployment });
            }
        }
    }

    /// <returns>Why the component does not take the configuration; null if it does, or does not mind.</returns>
    public async Task<string?> ValidateAsync(string deployment, string component, JsonObject configuration, TimeSpan patience, CancellationToken cancellation)
    {
        var report = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (!validators.TryGetValue(component, out var validator))
                return null;
            reports[(component, deployment)] = report;
            validator.SendEvent(Operation.Namespace + "ValidateConfigurationUpdateEvents", new()
            {
                ["validateConfigurationUpdateEvent"] = new JsonObject { ["configuration"] = configuration.DeepClone(), ["deploymentId"] = deployment },
            });
        }
        try
        {
            return await report.Task.WaitAsync(patience, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return $"it did not report within {patience.TotalSeconds:0} s";
        }
        finally
        {
            lock (gate)
                reports.Remove((component, deployment));
        }
    }

    private static void Tell(IpcStream listener, string kind, JsonObject body) =>
        listener.SendEvent(Operation.Namespace + "ComponentUpdatePolicyEvents", new() { [kind] = body });

    private ValueTask<JsonObject> SubscribeToUpdates(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        lock (gate)
            listeners[stream] = null;
        stream.WhenClosed(() =>
        {
            lock (gate)
            {
                if (listeners.Remove(stream, out var waiting))
                    waiting?.TrySetResult(0);
            }
        });
        return ValueTask.FromResult(new JsonObject());
    }

    private ValueTask<JsonObject> Defer(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var deployment = request.Text("deploymentId") ?? throw IpcException.InvalidArguments("Cannot defer update without a deploymentId");
        var recheck = request["recheckAfterMs"] switch
        {
            null => 0,
            JsonValue value when value.TryGetValue<long>(out var milliseconds) && milliseconds >= 0 => milliseconds,
            _ => throw IpcException.InvalidArguments("recheckAfterMs is no time"),
        };
        lock (gate)
        {
            var mine = listeners.Where(l => l.Key.Component == stream.Component).ToList();
            if (mine.Count == 0)
                throw IpcException.InvalidArguments("Component is not subscribed to component update events");
            if (announced != deployment)
                throw IpcException.InvalidArguments("There is no such deployment to defer");
            mine.ForEach(m => m.Value?.TrySetResult(recheck));
        }
        return ValueTask.FromResult(new JsonObject());
    }

    private ValueTask<JsonObject> SubscribeToValidation(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        lock (gate)
            validators[stream.Component] = stream;
        // Any of a component's streams that closes takes the one listener with it, as on classic.
        stream.WhenClosed(() =>
        {
            lock (gate)
                validators.Remove(stream.Component);
        });
        return ValueTask.FromResult(new JsonObject());
    }

    private ValueTask<JsonObject> Report(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var report = request.Map("configurationValidityReport") ?? throw IpcException.InvalidArguments("Configuration validity report is required");
        var deployment = report.Text("deploymentId") ?? throw IpcException.InvalidArguments("Deployment id is required");
        var reason = (report.Text("status"), report.Text("message")) switch
        {
            ("ACCEPTED", _) => null,
            ("REJECTED", var message) => message ?? "it gave no reason",
            _ => throw IpcException.InvalidArguments("Invalid configuration validity status"),
        };
        lock (gate)
        {
            if (!reports.TryGetValue((stream.Component, deployment), out var waiting))
                throw IpcException.InvalidArguments("Validation request either timed out or was never made");
            waiting.TrySetResult(reason);
        }
        return ValueTask.FromResult(new JsonObject());
    }
}
