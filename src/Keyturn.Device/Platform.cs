using Keyturn.Device.Storage;
using Keyturn.Device.Windows;

namespace Keyturn.Device;

/// <summary>What differs between the systems that the component runs on.</summary>
internal static class Platform
{
    public static IFileSystem Files => OperatingSystem.IsWindows() ? new WindowsFileSystem() : new PosixFileSystem();

    /// <summary>Another one after each start of the machine, and no other one when its clock is set.</summary>
    public static string BootId => OperatingSystem.IsWindows()
        ? Kernel.StartedAt().ToString("x", System.Globalization.CultureInfo.InvariantCulture)
        : File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>Nothing where the nucleus reads EC keys from files.</summary>
    public static string? NoEllipticFiles(string keyStore, bool isWindows) => isWindows && keyStore == "file"
        ? "nucleus classic on Windows reads no EC key from a file"
        : null;
}
