namespace Keyturn.EndToEnd.Tests;

/// <summary>The official JavaScript IPC client as the component of a local core: our codec and theirs never met before.</summary>
public sealed class SomebodyElsesComponent
{
    [Fact]
    public async Task A_component_on_the_official_IPC_client_reads_its_configuration_subscribes_and_is_answered()
    {
        var example = await InstallAsync();
        await using var fleet = await LocalFleet.StartAsync();
        var device = await fleet.ProvisionAsync("pump1");
        var core = fleet.Run("pump1", Tools.All.LocalCore, [
            "--root", device.Root, "--recipe", Path.Combine(example, "recipe.yaml"), "--component", $"exec node {Path.Combine(example, "index.js")}"]);
        await core.ReadyAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        var log = Path.Combine(device.Root, "logs", "com.example.PendingJobs.log");
        string[] wanted = ["configuration of com.example.PendingJobs", "\"greeting\":\"hello\"", "subscribed to $aws/things/pump1/jobs/get/accepted", "0 jobs in progress, 0 queued"];
        var text = await LocalFleet.EventuallyAsync(
            async () => File.Exists(log) ? await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken) : "", text => wanted.All(text.Contains));
        Assert.All(wanted, line => Assert.Contains(line, text, StringComparison.Ordinal));
    }

    /// <summary>The example as a user installs it, beside the build's other products.</summary>
    private static async Task<string> InstallAsync()
    {
        var source = Path.Combine(Tools.Root, "docs", "examples", "ipc-js");
        var target = Path.Combine(Tools.Root, "artifacts", "examples", "ipc-js");
        var installedLock = Path.Combine(target, "node_modules", ".installed-lock.json");
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(source))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
        var wanted = await File.ReadAllTextAsync(Path.Combine(source, "package-lock.json"), TestContext.Current.CancellationToken);
        if (File.Exists(installedLock) && await File.ReadAllTextAsync(installedLock, TestContext.Current.CancellationToken) == wanted)
            return target;

        var result = await Shell.RunAsync("npm", ["ci", "--prefix", target, "--no-audit", "--no-fund"], patience: TimeSpan.FromMinutes(5));
        Assert.True(result.ExitCode == 0, result.Error);
        await File.WriteAllTextAsync(installedLock, wanted, TestContext.Current.CancellationToken);
        return target;
    }
}
