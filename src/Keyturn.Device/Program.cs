using System.Runtime.InteropServices;
using Greengrass.Ipc;
using Keyturn.Device;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;

const string Usage = "usage: certificate-rotator run --root DIR     DIR is the root of the Greengrass core";

if (args is ["--help" or "-h"] or ["run", "--help" or "-h"])
{
    Console.WriteLine(Usage);
    return 0;
}
if (args is ["--version"])
{
    Console.WriteLine(Component.Version);
    return 0;
}
if (args is not ["run", "--root", { Length: > 0 } root])
{
    Console.Error.WriteLine(args is [] ? $"certificate-rotator: a command is missing; {Usage}" : $"certificate-rotator: '{string.Join(' ', args)}' is not understood; {Usage}");
    return 1;
}

using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    await new Component(Path.GetFullPath(root), TimeProvider.System).RunAsync(stop.Token);
    return 0;
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
