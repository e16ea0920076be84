using System.Runtime.InteropServices;
using Greengrass.Ipc;
using Keyturn.Device;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;
using Keyturn.Device.Systemd;
using Keyturn.Device.Technician;

const string Usage = "usage: certificate-rotator run|status|recover|watchdog --root DIR";
const string Help = Usage + "\n" + """
      run       what Greengrass runs: rotates the key and the certificate when a job asks for it
      status    tells what the journal says, which credential is in use and what recover would do; --json for programs
      recover   finishes on the disk what an interrupted rotation left, and touches no network; --json for programs
      watchdog  goes back to the old credential when Greengrass has not come up with the new one for half an hour; what a timer runs
    DIR is the root of the Greengrass core, /greengrass/v2 for instance.
    """;

if (args is ["--help" or "-h"] or ["run" or "status" or "recover" or "watchdog", "--help" or "-h"])
{
    Console.WriteLine(Help);
    return 0;
}
if (args is ["--version"])
{
    Console.WriteLine(Component.Version);
    return 0;
}
if (args is not (["run" or "status" or "recover" or "watchdog", "--root", { Length: > 0 }] or ["status" or "recover", "--root", { Length: > 0 }, "--json"]))
{
    Console.Error.WriteLine(args is [] ? $"certificate-rotator: a command is missing; {Usage}" : $"certificate-rotator: '{string.Join(' ', args)}' is not understood; {Usage}");
    return 1;
}

Dumps.Forbid();
using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    var root = Path.GetFullPath(args[2]);
    var technician = new TechnicianCommands(root, Platform.Files, TimeProvider.System, Console.Out, (command, cancellation) => Systemctl.RunAsync(TimeProvider.System, cancellation, command));
    switch (args[0])
    {
        case "status":
            return await technician.StatusAsync(asJson: args.Length == 4, stop.Token);
        case "recover":
            return await technician.RecoverAsync(asJson: args.Length == 4, stop.Token);
        case "watchdog":
            return await technician.WatchdogAsync(stop.Token);
        default:
            await new Component(root, TimeProvider.System).RunAsync(stop.Token);
            return 0;
    }
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 0;
}
catch (Exception e) when (e is CredentialException or JournalUnreadableException or IOException or GreengrassIpcException or ArgumentException or TimeoutException)
{
    Console.Error.WriteLine($"certificate-rotator: {e.Message}");
    return 1;
}
catch (Exception e)
{
    Console.Error.WriteLine(
        $"certificate-rotator: this is a fault of the program, which ends here and leaves the disk as it is: {e}\nRun certificate-rotator status to see where it stands, and report this with it");
    return 70;
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}
