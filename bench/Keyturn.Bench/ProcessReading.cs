using System.Diagnostics;
using System.Globalization;

namespace Keyturn.Bench;

/// <summary>What /proc says of a process.</summary>
internal static class ProcessReading
{
    public static double ResidentMegabytes(int pid) => Kilobytes(pid, "VmRSS:") / 1024.0;

    public static double PeakMegabytes(int pid) => Kilobytes(pid, "VmHWM:") / 1024.0;

    /// <summary>User and system, of the process without its children: unlike the clock, hardly longer on a busy machine.</summary>
    public static double CpuSeconds(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    }

    public static string Size(string file) =>
        string.Create(CultureInfo.InvariantCulture, $"{new FileInfo(file).Length / (1024 * 1024.0):0.0} MB");

    private static long Kilobytes(int pid, string key)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith(key, StringComparison.Ordinal));
        return long.Parse(line[key.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }
}
