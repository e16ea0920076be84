using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Deployments;

/// <summary>
/// Deployments on a running nucleus, one at a time, in classic's order: components are asked whether to go on, then those whose configuration alone
/// changes whether they take it, and only then is anything changed. A component that breaks then takes all of it back, if the deployment says ROLLBACK.
/// </summary>
internal sealed class DeploymentRunner(
    string root, ConfigurationStore store, RunningComponents components, DeploymentParticipants participants, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim turn = new(1);

    public void Dispose() => turn.Dispose();

    public async Task<DeploymentResult> RunAsync(DeploymentDocument deployment, CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            log.DeploymentStarted(deployment.Id);
            var result = await DeployAsync(deployment, cancellation).ConfigureAwait(false);
            log.DeploymentEnded(deployment.Id, result.Status, result.Message ?? "");
            return result;
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task<DeploymentResult> DeployAsync(DeploymentDocument deployment, CancellationToken cancellation)
    {
        DeploymentResult Refused(string reason) => new(deployment.Id, DeploymentResult.FailedNoStateChange, reason);
        List<Plan> plans;
        try
        {
            plans = [.. deployment.Changes.Select(PlanOf)];
        }
        catch (Exception problem) when (problem is RecipeException or InvalidDataException)
        {
            return Refused(problem.Message);
        }
        if (deployment.Removals.FirstOrDefault(r => store.Look("services", r) is null || r == NucleusSettings.Component) is { } stranger)
            return Refused($"{stranger} is no component that can be removed");
        if (deployment.Notifies)
            await participants.AskAsync(deployment.Id, deployment.NoticeTime, cancellation).ConfigureAwait(false);
        try
        {
            foreach (var plan in plans.Where(p => p is { Recipe: null, IsChanged: true }))
            {
                var reason = await participants.ValidateAsync(deployment.Id, plan.Name, plan.Configuration, deployment.ValidationTime, cancellation).ConfigureAwait(false);
                if (reason is not null)
                    return Refused($"Components reported that their to-be-deployed configuration is invalid: {plan.Name}: {reason}");
            }
            var before = FormerComponent.Of(root, store, [.. deployment.Removals, .. plans.Select(p => p.Name)]);
            foreach (var name in deployment.Removals)
                await RemoveAsync(name).ConfigureAwait(false);
            foreach (var plan in plans)
                await ApplyAsync(plan).ConfigureAwait(false);
            foreach (var plan in plans.Where(p => p.Recipe is not null))
            {
                var state = await SettledAsync(plan.Name, cancellation).ConfigureAwait(false);
                if (state is ComponentState.Running or ComponentState.Finished)
                    continue;
                var reason = $"{plan.Name} is {state}; see logs/{plan.Name}.log";
                if (!deployment.RollsBack)
                    return new(deployment.Id, DeploymentResult.FailedRollbackNotRequested, reason);
                foreach (var component in before)
                    await BringBackAsync(component).ConfigureAwait(false);
                return new(deployment.Id, DeploymentResult.FailedRollbackComplete, reason);
            }
            return new(deployment.Id, DeploymentResult.Succeeded, null);
        }
        finally
        {
            participants.TellDone(deployment.Id);
        }
    }

    private Plan PlanOf(ComponentChange change)
    {
        var present = store.Read("services", change.Name, "configuration") as JsonObject ?? [];
        if (!change.BringsComponent)
        {
            if (store.Look("services", change.Name) is null)
                throw new RecipeException($"{change.Name} is not installed: name its recipe");
            var installed = store.ReadString("services", change.Name, "version");
            if (change.Version is { } wanted && wanted != installed)
                throw new RecipeException($"{change.Name} {wanted} is not installed, {installed} is: name its recipe");
        }
        var recipe = change switch
        {
            { Recipe: { } path, Command: null } => Recipe.Load(path),
            { Recipe: { } path, Command: { } command } => Recipe.Load(path).Running(command),
            { Command: { } command } => Recipe.ForCommand(change.Name).Running(command),
            _ => null,
        };
        if (recipe is not null && !recipe.Name.Equals(change.Name, StringComparison.OrdinalIgnoreCase))
            throw new RecipeException($"{change.Recipe} is the recipe of {recipe.Name}, not of {change.Name}");
        if (recipe is not null && change.Version is { } version)
            recipe = recipe with { Version = version };
        if (recipe is not null && change.Executable is { } executable)
            Deployment.PlaceExecutable(root, recipe, executable);
        var configuration = ConfigurationChange.Apply(present, Deployment.ReadDefaults(root, change.Name), change);
        return new(change.Name, recipe, configuration, !JsonNode.DeepEquals(present, configuration));
    }

    private async Task ApplyAsync(Plan plan)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (plan.Recipe is not null)
            await components.StopAsync(plan.Name).ConfigureAwait(false);
        string[] path = ["services", plan.Name, "configuration"];
        Prune(path, store.Read(path) as JsonObject ?? [], plan.Configuration, now);
        store.Merge(path, plan.Configuration, now);
        if (plan.Recipe is not { } recipe)
            return;
        Deployment.Install(root, store, recipe, now);
        Enlist(plan.Name, now);
        components.Start(plan.Name);
    }

    /// <summary>What main depends on is started with the nucleus.</summary>
    private void Enlist(string name, long now)
    {
        var dependencies = (store.Read("services", "main", "dependencies") as JsonArray ?? []).Select(d => d!.ToString()).ToList();
        if (!dependencies.Contains(name, StringComparer.OrdinalIgnoreCase))
            store.Merge(["services", "main"], new() { ["dependencies"] = new JsonArray([.. dependencies.Append(name).Select(d => JsonValue.Create(d))]) }, now);
    }

    private async Task BringBackAsync(FormerComponent former)
    {
        if (former.Service is null)
        {
            await RemoveAsync(former.Name).ConfigureAwait(false);
            return;
        }
        await components.StopAsync(former.Name).ConfigureAwait(false);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        store.Remove(["services", former.Name], now);
        store.Merge(["services", former.Name], former.Service, now);
        former.RestoreDefaults(root);
        if (former.Name == NucleusSettings.Component)
            return;
        Enlist(former.Name, now);
        components.Start(former.Name);
    }

    private void Prune(IReadOnlyList<string> path, JsonObject present, JsonObject wanted, long now)
    {
        foreach (var (name, value) in present)
        {
            if (!wanted.ContainsKey(name))
                store.Remove([.. path, name], now);
            else if (value is JsonObject inner && wanted[name] is JsonObject map)
                Prune([.. path, name], inner, map, now);
        }
    }

    private async Task RemoveAsync(string name)
    {
        await components.RemoveAsync(name).ConfigureAwait(false);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var left = (store.Read("services", "main", "dependencies") as JsonArray ?? []).Select(d => d!.ToString()).Where(d => !d.Equals(name, StringComparison.OrdinalIgnoreCase));
        store.Merge(["services", "main"], new() { ["dependencies"] = new JsonArray([.. left.Select(d => JsonValue.Create(d))]) }, now);
        store.Remove(["services", name], now);
    }

    private async Task<ComponentState?> SettledAsync(string name, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        while (components.Find(name) is { State: not (ComponentState.Running or ComponentState.Finished or ComponentState.Broken) } && time.GetElapsedTime(start) < StartTime)
            await Task.Delay(LookPause, time, cancellation).ConfigureAwait(false);
        return components.Find(name)?.State;
    }

    /// <param name="Recipe">Null where the component stays as it is.</param>
    private sealed record Plan(string Name, Recipe? Recipe, JsonObject Configuration, bool IsChanged);
}
