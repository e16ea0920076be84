using System.Runtime.InteropServices;
using Greengrass.Ipc;
using Keyturn.Device;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;
using Keyturn.Device.Technician;

const string Usage = "usage: certificate-rotator run|status|recover --root DIR";
const string Help = Usage + "\n" + """
      run       what Greengrass runs: rotates the key and the certificate when a job asks for it
      status    tells what the journal says, which credential is in use and what recover would do; --json for programs
      recover   finishes on the disk what an interrupted rotation left, and touches no network
    DIR is the root of the Greengrass core, /greengrass/v2 for instance.
    """;

if (args is ["--help" or "-h"] or ["run" or "status" or "recover", "--help" or "-h"])
{
    Console.WriteLine(Help);
    return 0;
}
if (args is ["--version"])
{
    Console.WriteLine(Component.Version);
    return 0;
}
if (args is not (["run" or "recover", "--root", { Length: > 0 }] or ["status", "--root", { Length: > 0 }] or ["status", "--root", { Length: > 0 }, "--json"]))
{
    Console.Error.WriteLine(args is [] ? $"certificate-rotator: a command is missing; {Usage}" : $"certificate-rotator: '{string.Join(' ', args)}' is not understood; {Usage}");
    return 1;
}

using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    var root = Path.GetFullPath(args[2]);
    var technician = new TechnicianCommands(root, new PosixFileSystem(), TimeProvider.System, Console.Out);
    switch (args[0])
    {
        case "status":
            return await technician.StatusAsync(asJson: args.Length == 4, stop.Token);
        case "recover":
            return await technician.RecoverAsync(stop.Token);
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

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}
