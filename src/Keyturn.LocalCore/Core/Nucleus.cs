using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Cloud;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Deployments;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Mqtt;
using Keyturn.LocalCore.Provisioning;

namespace Keyturn.LocalCore.Core;

/// <summary>
/// The nucleus process. SIGTERM stops it as on a device: five seconds for the component, then SIGKILL. The end of its
/// standard input means that the loader has gone or is going: then everything ends within half a second.
/// </summary>
internal static class Nucleus
{
    public const int TerminatedExitCode = 128 + Posix.SigTerm;

    private static readonly TimeSpan ComponentGrace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HastyGrace = TimeSpan.FromMilliseconds(400);

    public static async Task<int> RunAsync(string root, TimeProvider time)
    {
        using var stopping = new CancellationTokenSource();
        var reason = "";
        var grace = ComponentGrace;
        void Stop(string why, TimeSpan allowed)
        {
            (reason, grace) = (reason.Length > 0 ? reason : why, allowed < grace ? allowed : grace);
            stopping.Cancel();
        }
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            Stop("SIGTERM", ComponentGrace);
        });
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = true;
            Stop("SIGINT", ComponentGrace);
        });
        // The component's socket is bound by a relative name: the absolute one may be too long for a socket address.
        Environment.CurrentDirectory = root;
        _ = Task.Run(() =>
        {
            while (Console.In.Read() >= 0)
            {
            }
            Stop("the loader is ending", HastyGrace);
        });

        using var log = new LogFile(Path.Combine(root, "logs", "greengrass.log"), "nucleus", time);
        try
        {
            await ServeAsync(root, log, () => grace, time, stopping.Token).ConfigureAwait(false);
            log.NucleusStopping(reason);
            return TerminatedExitCode;
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            log.NucleusFailed(problem);
            await Console.Error.WriteLineAsync($"local-core: the nucleus can't run: {problem.Message}").ConfigureAwait(false);
            return 1;
        }
    }

    private static async Task ServeAsync(string root, LogFile log, Func<TimeSpan> grace, TimeProvider time, CancellationToken stopping)
    {
        var (store, transactions) = TransactionLog.Open(root);
        using var keepOpen = transactions;
        TransactionLog.WriteEffective(root, store);
        FleetProvisioning.Finish(root, store, time);
        var settings = new NucleusSettings(store, root);
        log.NucleusStarted(NucleusSettings.Version, Environment.ProcessId, settings.ThingName);

        var mqtt = new MqttProxy(settings, time, log);
        var components = new RunningComponents(settings, store, log, time, grace);
        var participants = new DeploymentParticipants(time, log);
        IEnumerable<Operation> operations =
        [
            .. new MqttProxyOperations(mqtt, new AccessControl(store), log).All,
            .. new ConfigurationOperations(store).All,
            .. new LifecycleOperations(components.Find).All,
            .. participants.All,
        ];
        var server = new IpcServer("ipc.socket", components.NameOf, operations, log);
        var runner = new DeploymentRunner(root, store, components, participants, time, log);
        var deployments = new DeploymentServer("control.socket", runner, time, log);
        var roots = new RootComponents(store);
        var greengrass = new GreengrassDataPlane(settings);
        var download = new ComponentDownload(root, greengrass, new ArtifactStore(settings));
        var cloud = new CloudDeployments(
            settings, mqtt, new FleetDeployer(settings, store, runner, greengrass, download, roots, time, log),
            new HealthReports(settings, store, components, roots, mqtt, time), time, log);
        await using (mqtt.ConfigureAwait(false))
        await using (server.ConfigureAwait(false))
        await using (components.ConfigureAwait(false))
        await using (deployments.ConfigureAwait(false))
        await using (cloud.ConfigureAwait(false))
        {
            server.Start();
            mqtt.Start();
            foreach (var name in ComponentsIn(store).ToList())
                components.Start(name);
            deployments.Start();
            cloud.Start();
            await Console.Out.WriteLineAsync("ready").ConfigureAwait(false);
            await UntilCancelledAsync(stopping).ConfigureAwait(false);
        }
        TransactionLog.WriteEffective(root, store);
    }

    /// <summary>Every component that main depends on has a lifecycle of its own, save the nucleus.</summary>
    private static IEnumerable<string> ComponentsIn(ConfigurationStore store) =>
        (store.Read("services", "main", "dependencies") as JsonArray ?? [])
            .Select(d => d!.ToString().Split(':')[0])
            .Where(d => d != NucleusSettings.Component);

    private static async Task UntilCancelledAsync(CancellationToken cancellation) =>
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
