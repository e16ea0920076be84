using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Core;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Components;

/// <summary>The components of a running nucleus. Each keeps its token for as long as the nucleus runs, whatever version of it runs.</summary>
internal sealed class RunningComponents(NucleusSettings settings, ConfigurationStore store, ILogger log, TimeProvider time, Func<TimeSpan> grace) : IAsyncDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Running> components = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<LogFile> outputs = [];

    public ComponentSupervisor? Find(string name)
    {
        lock (gate)
            return components.GetValueOrDefault(name)?.Supervisor;
    }

    public string? NameOf(string token)
    {
        lock (gate)
            return components.Values.FirstOrDefault(c => c.Supervisor.Token == token)?.Supervisor.Name;
    }

    public IReadOnlyList<ComponentSupervisor> All
    {
        get
        {
            lock (gate)
                return [.. components.Values.Select(c => c.Supervisor)];
        }
    }

    /// <summary>Runs what the configuration says about it, for the first time or again.</summary>
    public void Start(string name)
    {
        lock (gate)
        {
            if (!components.TryGetValue(name, out var running))
            {
                var output = new LogFile(Path.Combine(settings.Root, "logs", name + ".log"), name, time);
                outputs.Add(output);
                components[name] = running = new(new(name, settings, store, log, output, time));
            }
            running.Stopping = new();
            running.Work = running.Supervisor.RunAsync(grace, running.Stopping.Token);
        }
    }

    public async Task StopAsync(string name)
    {
        Running? running;
        lock (gate)
            running = components.GetValueOrDefault(name);
        if (running is null)
            return;
        await running.Stopping.CancelAsync().ConfigureAwait(false);
        await running.Work.ConfigureAwait(false);
        running.Stopping.Dispose();
        running.Stopping = new();
    }

    public async Task RemoveAsync(string name)
    {
        await StopAsync(name).ConfigureAwait(false);
        lock (gate)
            components.Remove(name);
    }

    public async ValueTask DisposeAsync()
    {
        List<string> names;
        lock (gate)
            names = [.. components.Keys];
        await Task.WhenAll(names.Select(StopAsync)).ConfigureAwait(false);
        outputs.ForEach(o => o.Dispose());
    }

    private sealed class Running(ComponentSupervisor supervisor)
    {
        public ComponentSupervisor Supervisor { get; } = supervisor;

        public CancellationTokenSource Stopping { get; set; } = new();

        public Task Work { get; set; } = Task.CompletedTask;
    }
}
