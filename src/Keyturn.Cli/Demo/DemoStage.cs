using System.Collections.Concurrent;
using System.Globalization;

namespace Keyturn.Cli.Demo;

/// <summary>The processes of the demo: one cloud, and a core for each device. All of them end with it, at once.</summary>
internal sealed class DemoStage(DemoOptions options, DemoWorkspace workspace, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentBag<ToolProcess> processes = [];
    private readonly DemoTools tools = options.Tools;

    public async Task<DemoCloud> StartCloudAsync(CancellationToken stop)
    {
        var cloud = Start(
            "local-cloud", tools.LocalCloud,
            "--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0",
            "--data", workspace.DirectoryOf("cloud"), "--template", tools.Template, "--function-executable", tools.Function);
        return DemoCloud.Parse(await cloud.ReadyAsync(StartPatience, stop));
    }

    public async Task<IReadOnlyList<DemoDevice>> StartDevicesAsync(DemoCloud cloud, int count, CancellationToken stop)
    {
        var devices = Enumerable.Range(1, count)
            .Select(n => "gateway-" + n.ToString("00", CultureInfo.InvariantCulture))
            .Select(thing => new DemoDevice(thing, workspace.DirectoryOf(thing)))
            .ToList();

        // A few at a time: provisioning makes an RSA key each.
        var bounded = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount * 2, CancellationToken = stop };
        await Parallel.ForEachAsync(devices, bounded, async (device, cancellation) =>
        {
            var provision = Start(
                $"{device.Thing}.provision", tools.LocalCore,
                "--provision", cloud.Api.ToString(), "--thing", device.Thing, "--root", device.Root, "--group", "keyturn-demo", "--store", options.Store);
            await provision.CompletedAsync(cancellation);

            var core = Start(
                device.Thing, tools.LocalCore,
                "--root", device.Root, "--component-executable", tools.Component, "--recipe", tools.Recipe);
            await core.ReadyAsync(StartPatience, cancellation);
        });
        return devices;
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(processes.Select(process => process.DisposeAsync().AsTask()));

    private ToolProcess Start(string name, string executable, params IEnumerable<string> arguments)
    {
        var process = ToolProcess.Start(name, workspace.LogOf(name), time, executable, arguments);
        processes.Add(process);
        return process;
    }
}
