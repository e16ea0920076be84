using System.Runtime.InteropServices;
using Keyturn.LocalCore.Core;

namespace Keyturn.LocalCore.Lite;

/// <summary>What every daemon of lite is: a process of its own, which ends on SIGTERM and is restarted by its unit.</summary>
internal static class LiteDaemon
{
    /// <param name="isSupervised">The end of its standard input is the end of who started it. A unit of systemd has none.</param>
    public static async Task<int> RunAsync(string name, string root, bool isSupervised, TimeProvider time, Func<LiteSettings, LogFile, CancellationToken, Task> serve)
    {
        using var stopping = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        // The sockets have relative names: absolute ones may be too long for an address.
        Environment.CurrentDirectory = root;
        if (isSupervised)
        {
            _ = Task.Run(() =>
            {
                while (Console.In.Read() >= 0)
                {
                }
                stopping.Cancel();
            });
        }
        using var log = new LogFile(Path.Combine(root, "logs", name + ".log"), name, time);
        log.DaemonStarted(name, Environment.ProcessId);
        try
        {
            await serve(new LiteSettings(root), log, stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
        return 0;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    /// <summary>Holds the connection to the cloud for all the others.</summary>
    public static async Task IotcoredAsync(LiteSettings settings, LogFile log, TimeProvider time, CancellationToken cancellation)
    {
        using var link = new LiteMqttLink(settings, time, log);
        var bus = new BusServer(link, log);
        await Task.WhenAll(bus.RunAsync(cancellation), link.RunAsync(() => bus.Filters, bus.Deliver, cancellation)).ConfigureAwait(false);
    }

    /// <summary>Serves components.</summary>
    public static async Task GgipcdAsync(LiteSettings settings, LogFile log, CancellationToken cancellation)
    {
        var (store, kept) = LiteConfiguration.Open(settings);
        using (kept)
        {
            var clients = new LiteClients(settings.Root);
            var server = new Ipc.IpcServer(LiteClients.SocketName, _ => null, new LiteOperations(settings, store, log).All, log, clients.Manner);
            await using (server.ConfigureAwait(false))
            {
                server.Start();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation).ConfigureAwait(false);
            }
        }
    }
}
