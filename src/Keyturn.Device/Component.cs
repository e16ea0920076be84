using System.Reflection;
using Greengrass.Ipc;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Systemd;
using Keyturn.Device.Technician;
using Keyturn.Device.Windows;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device;

/// <summary>The component under a nucleus: puts the parts together and runs them until it is told to stop.</summary>
internal sealed class Component(string root, TimeProvider time)
{
    private const string Name = "aws.greengrass.labs.CertificateRotator";

    public static readonly string Version = typeof(Component).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Another one after each start of the machine.</summary>
    public static string BootId => Platform.BootId;

    /// <summary>A component that ends with an error three times is not started again: what fails for a while must not come to that.</summary>
    private static readonly TimeSpan StartRetry = TimeSpan.FromSeconds(30);

    public async Task RunAsync(CancellationToken cancellation)
    {
        var ipc = FromNucleus();
        var isLite = LiteSystem.IsServedAt(ipc.SocketPath);
        while (true)
        {
            try
            {
                await RunOnceAsync(isLite ? LiteSystem.Limit(ipc) : ipc, isLite, cancellation).ConfigureAwait(false);
                return;
            }
            // Nucleus classic starts this component together with itself. Lite starts it three times an hour, whatever its daemons do meanwhile.
            catch (Exception e) when (e is FileSystemException || (isLite && e is IOException or GreengrassIpcException or TimeoutException && !cancellation.IsCancellationRequested))
            {
                Log.StorageFailed(new RotationLog(Console.Out, time, Environment.GetEnvironmentVariable("AWS_IOT_THING_NAME") ?? "-"), e.Message);
                await Task.Delay(StartRetry, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static GreengrassIpcOptions FromNucleus()
    {
        try
        {
            return GreengrassIpcOptions.FromEnvironment(Name);
        }
        catch (InvalidOperationException e)
        {
            throw new CredentialException($"{e.Message} Nothing was changed. Let Greengrass run it as a component; by hand, status and recover are of use", e);
        }
    }

    private async Task RunOnceAsync(GreengrassIpcOptions ipc, bool isLite, CancellationToken cancellation)
    {
        var system = isLite ? await LiteSystem.AskAsync(ipc, cancellation).ConfigureAwait(false) : SystemConfiguration.Read(root);
        var thing = Environment.GetEnvironmentVariable("AWS_IOT_THING_NAME") ?? system.ThingName
            ?? throw new CredentialException("the thing's name is neither in AWS_IOT_THING_NAME nor in the nucleus's configuration. Nothing was changed. Run this as a Greengrass component");
        var log = new RotationLog(Console.Out, time, thing);
        var systemctl = Systemctl.By(time);
        if (isLite)
            await new NucleusLite(_ => Task.CompletedTask, systemctl, log).CheckAsync(cancellation).ConfigureAwait(false);

        var files = Platform.Files;
        var directories = new StateDirectories(root);
        directories.Ensure(files);
        var journal = new Journal(files, directories.Journal, BootId, time);
        JournalEntry journalled;
        using (journal.Enter())
            journalled = journal.Load();

        await using var channel = new GreengrassChannel(ipc, thing, time, log, outlivesNucleus: isLite);
        await channel.ConnectAsync(cancellation).ConfigureAwait(false);
        var pkcs11 = system.TokenLabel is null ? null : await CredentialStores.AskAsync(channel.Client, root, cancellation).ConfigureAwait(false);
        var store = CredentialStores.Open(system, files, directories, () => pkcs11!, log);
        Settle(store, journal, log);
        RotationDriver? driver = null;
        var configuration = new ConfigurationWatch(Platform.NoEllipticFiles(store.Kind, OperatingSystem.IsWindows()), time, log);
        var deployments = new DeploymentWatch(
            () => driver?.State ?? journalled.State, () => configuration.SettingsOrDefault.LongestDeferral, Nucleus.IsOlderThanThisProcess(channel.Client.PeerProcessId), time, log);
        var events = new NucleusEvents(channel, configuration, deployments, time, log);
        await events.OpenAsync(cancellation).ConfigureAwait(false);

        var facts = new NucleusFacts(channel, Environment.GetEnvironmentVariable("GG_ROOT_CA_PATH") ?? system.RootCaPath);
        var probe = new MqttProbe(thing, store, facts.EndpointAsync, () => configuration.SettingsOrDefault.Preflight, () => !channel.IsOpen, time, log);
        INucleus nucleus = isLite
            ? new NucleusLite(deployments.WaitForNoneAsync, systemctl, log)
            : NucleusOf(ipc.AuthToken ?? "", () => channel.Client.PeerProcessId, deployments.WaitForNoneAsync, systemctl);
        // A component of lite outlives what it restarts, and lite's daemons come back by themselves: nothing has to look after it from outside.
        var units = isLite ? null : new RecoveryUnits(root, files, Environment.ProcessPath!, (command, stop) => Systemctl.RunAsync(time, stop, command), log);
        var ports = new DriverPorts(journal, store, channel, probe, nucleus, time, Seeded(), log, Units: units,
            CatchUp: c => configuration.CatchUpAsync(channel.Client, c));
        driver = new RotationDriver(thing, Version, () => configuration.Settings.Keys, ports);
        channel.Received += driver.Receive;
        channel.Opened += driver.ChannelOpened;

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] loops = [driver.RunAsync(either.Token), channel.RunAsync(either.Token), events.RunAsync(either.Token)];
        var ended = await Task.WhenAny(loops).ConfigureAwait(false);
        await either.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancellation.IsCancellationRequested)
            Log.Stopping(log);
        await ended.ConfigureAwait(false);
    }

    /// <summary>
    /// What is on this disk or in the token first, as a technician would do it: of a switch that was interrupted, only half may be there. What can't be done
    /// now is no reason to end, and to be started again and again: a job that comes gets the reason.
    /// </summary>
    private static void Settle(ICredentialStore store, Journal journal, RotationLog log)
    {
        try
        {
            using (journal.Enter())
                new LocalRecovery(journal.Load().State).Run(store);
        }
        catch (CredentialException e)
        {
            Log.EffectFailed(log, e.Message);
        }
        try
        {
            var current = store.Inspect();
            Log.Started(log, Version, store.Kind, current.CertificateId, current.KeyAlgorithm, current.NotAfter);
        }
        catch (CredentialException e) when (store.Kind == "pkcs11")
        {
            Log.StartedWithout(log, Version, e.Message);
        }
    }

    private INucleus NucleusOf(string token, Func<int?> process, Func<CancellationToken, Task> noDeployment, RunSystemctl systemctl) => OperatingSystem.IsWindows()
        ? new WindowsNucleus(root, Nucleus.SessionOf(token), noDeployment, (program, arguments, stop) => Command.RunAsync(time, program, arguments, stop))
        : new Nucleus(token, process, noDeployment, systemctl);

    /// <summary>For jitter only: no secret hangs on it.</summary>
#pragma warning disable RS0030 // The seed is what the rule asks for; nobody replays a device in the field.
    private static Random Seeded() => new(Environment.TickCount ^ Environment.ProcessId);
#pragma warning restore RS0030
}
