using System.Globalization;

namespace Keyturn.Bench;

/// <summary>What a process holds, in MB, and what that consists of: /proc/PID/smaps.</summary>
/// <param name="Proportional">A page that n processes hold counts an n-th.</param>
/// <param name="Written">Nobody but this process can have these: heaps, stacks, relocated and unpacked data.</param>
/// <param name="Executable">Pages of the executable's file, as they are on the disk.</param>
/// <param name="Libraries">The same of libraries, most of which other processes hold too.</param>
internal sealed record MemoryReading(double Resident, double Proportional, double Written, double Executable, double Libraries, bool HasOpenSsl)
{
    /// <returns>Nothing if it does not let itself be looked at: the component is undumpable, so that only root may.</returns>
    public static MemoryReading? Of(int pid, string executable)
    {
        try
        {
            return Read(pid, executable);
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static MemoryReading Read(int pid, string executable)
    {
        var (mapped, openSsl) = ("", false);
        long resident = 0, proportional = 0, written = 0, own = 0, libraries = 0;
        var name = Path.GetFileName(executable);
        foreach (var line in File.ReadLines($"/proc/{pid}/smaps"))
        {
            var fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (!fields[0].EndsWith(':'))
            {
                mapped = fields.Length == 6 ? fields[5] : "";
                openSsl |= mapped.Contains("/libcrypto.so", StringComparison.Ordinal);
                continue;
            }
            var kilobytes = fields.Length == 3 && fields[2] == "kB" ? long.Parse(fields[1], CultureInfo.InvariantCulture) : 0;
            switch (fields[0])
            {
                case "Rss:":
                    resident += kilobytes;
                    own += Path.GetFileName(mapped) == name ? kilobytes : 0;
                    libraries += mapped.StartsWith('/') && Path.GetFileName(mapped) != name ? kilobytes : 0;
                    break;
                case "Pss:":
                    proportional += kilobytes;
                    break;
                // Of a file: copied when it was written to. "Dirty" also says that the file itself is new.
                case "Anonymous:":
                    written += kilobytes;
                    own -= Path.GetFileName(mapped) == name ? kilobytes : 0;
                    libraries -= mapped.StartsWith('/') && Path.GetFileName(mapped) != name ? kilobytes : 0;
                    break;
            }
        }
        return new(Megabytes(resident), Megabytes(proportional), Megabytes(written), Megabytes(own), Megabytes(libraries), openSsl);

        static double Megabytes(long kilobytes) => kilobytes / 1024.0;
    }
}
