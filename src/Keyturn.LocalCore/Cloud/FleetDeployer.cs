using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Deployments;
using Keyturn.LocalCore.Mqtt;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Cloud;

/// <summary>
/// Carries out a deployment of the cloud: all that it needs is downloaded before anything is changed; what its target named before and nobody names now
/// goes.
/// </summary>
internal sealed class FleetDeployer(
    NucleusSettings settings, ConfigurationStore store, DeploymentRunner runner, GreengrassDataPlane greengrass, ComponentDownload download, RootComponents roots,
    TimeProvider time, ILogger log)
{
    private const string GroupPrefix = "thinggroup/";
    private const int Tries = 10;
    private const int MostDependencies = 100;
    private static readonly TimeSpan DefaultNoticeTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DefaultValidationTime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(3);

    public async Task<DeploymentResult> DeployAsync(FleetDeployment deployment, CancellationToken cancellation)
    {
        (DeploymentDocument Document, IReadOnlyList<string> Left) prepared;
        try
        {
            prepared = await PrepareAsync(deployment, cancellation).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is CloudRefusalException or RecipeException or HttpRequestException or CredentialException)
        {
            return new(deployment.Id, DeploymentResult.FailedNoStateChange, problem.Message);
        }
        var result = await runner.RunAsync(prepared.Document, cancellation).ConfigureAwait(false);
        if (result.Status == DeploymentResult.Succeeded)
        {
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            foreach (var target in prepared.Left)
                roots.Forget(target, now);
            roots.Set(deployment, now);
        }
        return result;
    }

    private async Task<(DeploymentDocument, IReadOnlyList<string>)> PrepareAsync(FleetDeployment deployment, CancellationToken cancellation)
    {
        var all = roots.All;
        var left = await TargetsLeftAsync(deployment, all.Keys, cancellation).ConfigureAwait(false);
        var others = all.Where(g => g.Key != deployment.Target && !left.Contains(g.Key)).ToList();
        foreach (var component in deployment.Components)
        {
            if (others.FirstOrDefault(g => g.Value.TryGetValue(component.Name, out var version) && version != component.Version) is { Key: { } other, Value: { } named })
                throw new CloudRefusalException($"{deployment.Target} wants {component.Name} {component.Version}, and {other} wants {named[component.Name]}: make them one");
        }

        List<ComponentChange> changes = [];
        Queue<(string Name, string Requirement, string By)> needed = [];
        foreach (var component in deployment.Components)
        {
            if (IsInstalled(component.Name, component.Version))
            {
                changes.Add(new(component.Name, component.Version, null, null, null, component.Merge, component.Reset));
                continue;
            }
            var recipe = await BringAsync(component.Name, "==" + component.Version, deployment.Target, component, changes, cancellation).ConfigureAwait(false);
            foreach (var (name, requirement) in recipe.Dependencies)
                needed.Enqueue((name, requirement, recipe.Name));
        }

        while (needed.TryDequeue(out var dependency) && changes.Count < MostDependencies)
        {
            // Whether what is installed meets the requirement is not looked at here.
            if (changes.Exists(c => c.Name.Equals(dependency.Name, StringComparison.OrdinalIgnoreCase)) || store.Look("services", dependency.Name) is not null)
                continue;
            var recipe = await BringAsync(dependency.Name, dependency.Requirement, dependency.By, null, changes, cancellation).ConfigureAwait(false);
            foreach (var (name, requirement) in recipe.Dependencies)
                needed.Enqueue((name, requirement, recipe.Name));
        }

        var kept = changes.Select(c => c.Name).Concat(others.SelectMany(g => g.Value.Keys)).Append(NucleusSettings.Component).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var removals = all.Where(g => g.Key == deployment.Target || left.Contains(g.Key)).SelectMany(g => g.Value.Keys).Distinct(StringComparer.OrdinalIgnoreCase)
            .Where(c => !kept.Contains(c) && store.Look("services", c) is not null).ToList();
        return (new(
            deployment.Id, changes, removals, deployment.Notifies, deployment.NoticeTime ?? DefaultNoticeTime, deployment.ValidationTime ?? DefaultValidationTime,
            deployment.RollsBack), left);
    }

    private bool IsInstalled(string component, string version) =>
        component == NucleusSettings.Component ? version == NucleusSettings.Version : store.ReadString("services", component, "version") == version;

    private async Task<Recipe> BringAsync(string name, string requirement, string by, FleetComponent? asked, List<ComponentChange> changes, CancellationToken cancellation)
    {
        var (recipe, file) = await RetriedAsync(() => download.FetchAsync(name, requirement, by, cancellation), cancellation).ConfigureAwait(false);
        changes.Add(new(recipe.Name, recipe.Version, file, null, null, asked?.Merge, asked?.Reset ?? []));
        return recipe;
    }

    /// <summary>Groups that named components and that this core is in no more.</summary>
    private async Task<IReadOnlyList<string>> TargetsLeftAsync(FleetDeployment deployment, IEnumerable<string> targets, CancellationToken cancellation)
    {
        if (targets.Where(t => t.StartsWith(GroupPrefix, StringComparison.Ordinal) && t != deployment.Target).ToList() is not { Count: > 0 } groups)
            return [];
        var present = await RetriedAsync(() => greengrass.GroupsAsync(cancellation), cancellation).ConfigureAwait(false);
        return [.. groups.Where(g => !present.Contains(g[GroupPrefix.Length..]))];
    }

    /// <summary>The cloud may be out of reach for a moment; what it refuses, it refuses again.</summary>
    private async Task<T> RetriedAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (Exception problem) when (attempt < Tries && !cancellation.IsCancellationRequested
                && problem is HttpRequestException or IOException or TaskCanceledException or CredentialException)
            {
                log.CloudNotReached(settings.DataPlaneEndpoint, problem.Message);
                await Task.Delay(RetryPause, time, cancellation).ConfigureAwait(false);
            }
        }
    }
}
