using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Keyturn.Device.Windows;

/// <summary>The calls of Windows that .NET has no equal of, or hides a copy behind.</summary>
[SupportedOSPlatform("windows")]
internal static partial class Kernel
{
    public const uint ReplaceExisting = 1, WriteThrough = 8, LockNow = 1, LockExclusive = 2;

    private const int TimeOfDay = 3;

    [LibraryImport("kernel32", EntryPoint = "MoveFileExW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Move(string from, string to, uint flags);

    [LibraryImport("kernel32", EntryPoint = "LockFileEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static unsafe partial bool LockFile(SafeFileHandle file, uint flags, uint reserved, uint low, uint high, NativeOverlapped* place);

    /// <summary>When the machine was started, by the clock as it was then: settings of the clock since then are told apart.</summary>
    public static unsafe long StartedAt()
    {
        TimeOfDayInformation information;
        var status = QuerySystem(TimeOfDay, &information, sizeof(TimeOfDayInformation), null);
        return status == 0 ? information.BootTime - information.BootTimeBias : throw new IOException($"Windows does not tell when it was started: status {status:x}");
    }

    [LibraryImport("ntdll", EntryPoint = "NtQuerySystemInformation")]
    private static unsafe partial int QuerySystem(int kind, TimeOfDayInformation* information, int size, int* needed);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeOfDayInformation
    {
        public long BootTime;
        public long CurrentTime;
        public long TimeZoneBias;
        public uint TimeZone;
        public uint Reserved;
        public long BootTimeBias;
        public long SleepTimeBias;
    }
}
