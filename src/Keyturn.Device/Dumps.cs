using System.Runtime.InteropServices;

namespace Keyturn.Device;

/// <summary>A dump of this process would hold the key that it is making.</summary>
internal static partial class Dumps
{
    private const int GetDumpable = 3, SetDumpable = 4;

    /// <summary>No core file of this process is written, and no process of its user may attach to it and read its memory.</summary>
    public static void Forbid()
    {
        if (OperatingSystem.IsLinux())
            _ = ProcessControl(SetDumpable, 0, 0, 0, 0);
    }

    public static bool AreForbidden => OperatingSystem.IsLinux() && ProcessControl(GetDumpable, 0, 0, 0, 0) == 0;

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);
}
