using System.Collections;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Components;

internal enum ComponentState
{
    New,
    Installed,
    Starting,
    Running,
    Stopping,
    Errored,
    Broken,
    Finished,
}

/// <summary>
/// Runs one component by classic's rules: exit code 0 is FINISHED and stays so until the nucleus restarts; three errors
/// within an hour are BROKEN; anything else starts it again.
/// </summary>
internal sealed class ComponentSupervisor(
    string name, NucleusSettings settings, ConfigurationStore store, ILogger log, ILogger output, TimeProvider time)
{
    private const int ErrorsToBreak = 3;
    private const string TokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    private static readonly TimeSpan ErrorMemory = TimeSpan.FromHours(1);
    private static readonly TimeSpan RestartDelay = TimeSpan.FromMilliseconds(500);

    private readonly List<long> errors = [];
    private ComponentProcess? current;
    private volatile bool reportedErrored;

    public string Name => name;

    /// <summary>SVCUID: what the component authenticates itself with, new at each nucleus start.</summary>
    public string Token { get; } = RandomNumberGenerator.GetString(TokenAlphabet, 16);

    public ComponentState State { get; private set; } = ComponentState.New;

    /// <summary>Runs until cancelled; then stops what runs, granting it <paramref name="grace"/> at that moment.</summary>
    public async Task RunAsync(Func<TimeSpan> grace, CancellationToken cancellation)
    {
        State = ComponentState.New;
        errors.Clear();
        try
        {
            if (await PhaseAsync("install", cancellation).ConfigureAwait(false) is not (null or 0))
            {
                Enter(ComponentState.Broken);
                return;
            }
            Enter(ComponentState.Installed);
            while (await CycleAsync(cancellation).ConfigureAwait(false))
                await Task.Delay(RestartDelay, time, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        catch (Exception problem)
        {
            log.ComponentNotStarted(name, problem.Message);
            Enter(ComponentState.Broken);
        }
        if (current is { } running)
        {
            Enter(ComponentState.Stopping);
            await running.StopAsync(grace(), time).ConfigureAwait(false);
            current = null;
        }
    }

    /// <summary>UpdateState: the component's own word on its state.</summary>
    public void Report(ComponentState state)
    {
        if (state == ComponentState.Running)
        {
            Enter(ComponentState.Running);
            return;
        }
        reportedErrored = true;
        if (current is { } running)
            _ = running.StopAsync(TimeSpan.FromSeconds(5), time);
    }

    /// <returns>Whether to start the component again.</returns>
    private async Task<bool> CycleAsync(CancellationToken cancellation)
    {
        reportedErrored = false;
        Enter(ComponentState.Starting);
        var exit = await PhaseAsync("startup", cancellation).ConfigureAwait(false);
        if (exit is null or 0)
        {
            Enter(ComponentState.Running);
            var started = exit;
            exit = await PhaseAsync("run", cancellation).ConfigureAwait(false);
            // A component that only starts something up keeps running.
            if (exit is null && started is not null)
                return false;
        }
        if (exit is null or 0 && !reportedErrored)
        {
            Enter(ComponentState.Finished);
            return false;
        }
        Enter(ComponentState.Errored);
        var now = time.GetTimestamp();
        errors.RemoveAll(at => time.GetElapsedTime(at, now) > ErrorMemory);
        errors.Add(now);
        log.ComponentErrored(name, exit ?? 0, errors.Count);
        if (errors.Count < ErrorsToBreak)
            return true;
        Enter(ComponentState.Broken);
        return false;
    }

    /// <returns>The script's exit code, or null when the recipe has no such phase.</returns>
    private async Task<int?> PhaseAsync(string phase, CancellationToken cancellation)
    {
        var step = store.Read("services", name, "lifecycle", phase);
        var script = step switch
        {
            JsonObject map => map.FirstOrDefault(p => p.Key.Equals("script", StringComparison.OrdinalIgnoreCase)).Value?.ToString(),
            JsonValue value => value.ToString(),
            _ => null,
        };
        if (string.IsNullOrWhiteSpace(script))
            return null;
        var variables = new RecipeVariables(
            settings.Root, settings.ThingName, name, store.ReadString("services", name, "version") ?? "", store);
        var environment = ComponentEnvironment.Build(settings, Token, Environment.GetEnvironmentVariables());
        foreach (var setenv in new[] { store.Read("services", name, "lifecycle", "setenv"), (step as JsonObject)?
            .FirstOrDefault(p => p.Key.Equals("setenv", StringComparison.OrdinalIgnoreCase)).Value }.OfType<JsonObject>())
            foreach (var (variable, value) in setenv)
                environment[variable] = variables.Expand(value?.ToString() ?? "");
        var work = Path.Combine(settings.Root, "work", name);
        Directory.CreateDirectory(work);

        log.ComponentPhase(name, phase);
        current = ComponentProcess.Start(variables.Expand(script), work, environment, output);
        var exit = await current.WaitAsync(time, cancellation).ConfigureAwait(false);
        log.ComponentExited(name, phase, exit);
        current = null;
        return exit;
    }

    private void Enter(ComponentState state)
    {
        State = state;
        log.ComponentState(name, state);
    }
}
