using System.Reflection;
using Greengrass.Ipc;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device;

/// <summary>The component under a nucleus: puts the parts together and runs them until it is told to stop.</summary>
internal sealed class Component(string root, TimeProvider time)
{
    public static readonly string Version = typeof(Component).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Another one after each start of the machine.</summary>
    public static string BootId => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    public async Task RunAsync(CancellationToken cancellation)
    {
        var ipc = GreengrassIpcOptions.FromEnvironment();
        var system = SystemConfiguration.Read(root);
        var thing = Environment.GetEnvironmentVariable("AWS_IOT_THING_NAME") ?? system.ThingName
            ?? throw new CredentialException("the thing's name is neither in AWS_IOT_THING_NAME nor in the nucleus's configuration. Nothing was changed. Run this as a Greengrass component");
        var log = new RotationLog(Console.Out, time, thing);

        var files = new PosixFileSystem();
        var directories = new StateDirectories(root);
        directories.Ensure(files);
        var store = new FileCredentialStore(files, system.Paths, directories.Credentials);
        var journal = new Journal(files, directories.Journal, BootId, time);
        using (journal.Enter())
            journal.Load();
        var current = store.Inspect();
        Log.Started(log, Version, store.Kind, current.CertificateId, current.KeyAlgorithm, current.NotAfter);

        await using var channel = new GreengrassChannel(ipc, thing, time, log);
        await channel.ConnectAsync(cancellation).ConfigureAwait(false);
        var (options, problem) = ComponentConfiguration.Read(await channel.Client.GetConfigurationAsync(cancellationToken: cancellation).ConfigureAwait(false));
        if (problem is not null)
            Log.BadConfiguration(log, problem);

        var facts = new NucleusFacts(channel, Environment.GetEnvironmentVariable("GG_ROOT_CA_PATH") ?? system.RootCaPath);
        var probe = new MqttProbe(thing, store, facts.EndpointAsync, () => !channel.IsOpen, time, log);
        var ports = new DriverPorts(
            journal, store, channel, probe, new Nucleus(ipc.AuthToken ?? "", () => channel.Client.PeerProcessId), time, Seeded(), log);
        var driver = new RotationDriver(thing, Version, () => options ?? throw new CredentialException(problem!), ports);
        channel.Received += driver.Receive;
        channel.Opened += driver.ChannelOpened;

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] loops = [driver.RunAsync(either.Token), channel.RunAsync(either.Token)];
        var ended = await Task.WhenAny(loops).ConfigureAwait(false);
        await either.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancellation.IsCancellationRequested)
            Log.Stopping(log);
        await ended.ConfigureAwait(false);
    }

    /// <summary>For jitter only: no secret hangs on it.</summary>
#pragma warning disable RS0030 // The seed is what the rule asks for; nobody replays a device in the field.
    private static Random Seeded() => new(Environment.TickCount ^ Environment.ProcessId);
#pragma warning restore RS0030
}
