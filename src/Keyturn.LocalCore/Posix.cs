using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("linux")]

namespace Keyturn.LocalCore;

/// <summary>The system calls that .NET has no face for.</summary>
internal static partial class Posix
{
    public const int SigKill = 9;
    public const int SigTerm = 15;

    private const int SetChildSubreaper = 36;
    private const int NoHang = 1;

    /// <summary>Sends a signal. False when no such process is left.</summary>
    public static bool Signal(int processId, int signal) => Kill(processId, signal) == 0;

    /// <summary>Descendants whose parents die become children of this process, so that none is lost.</summary>
    public static void BecomeSubreaper()
    {
        if (ProcessControl(SetChildSubreaper, 1, 0, 0, 0) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public static void Reap(int processId) => WaitForProcess(processId, out _, NoHang);

    /// <summary>rename(2): replaces atomically, and never copies.</summary>
    public static void Replace(string from, string to)
    {
        if (Rename(from, to) != 0)
            throw new IOException($"{to} could not be replaced: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>For native code in this process: .NET keeps a copy of the environment to itself.</summary>
    public static void SetEnvironment(string name, string value) => _ = SetEnvironmentVariable(name, value, 1);

    /// <summary>execve(2): this process becomes another program. Comes back only when it can't.</summary>
    public static void Become(string program, string[] arguments, IEnumerable<string> environment)
    {
        // Both lists end with nothing.
        _ = Execute(program, [.. arguments, null], [.. environment, null]);
        throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string program, string?[] arguments, string?[] environment);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitForProcess(int processId, out int status, int options);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);
}
