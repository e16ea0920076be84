using System.Runtime.InteropServices;

namespace Keyturn.LocalCloud.Tests.Hosting;

internal static partial class SignalProcess
{
    public static void Terminate(int process) => Assert.Equal(0, Kill(process, 15));

    public static bool Exists(int process) => Kill(process, 0) == 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
