using System.Globalization;

namespace Keyturn.Bench;

/// <summary>A process started again and again: the median of its time, and the most memory it held, with what that consisted of.</summary>
internal static class Starts
{
    private const int Runs = 15;

    public static async Task MeasureAsync(
        Action<string, string> report, string who, string milestone, string rest, string executable,
        Func<string, Task<(double Milliseconds, double Megabytes, MemoryReading? Memory)>> start, double? goal = null)
    {
        var times = new List<double>();
        var resident = 0.0;
        MemoryReading? most = null;
        for (var run = 0; run < Runs; run++)
        {
            var (milliseconds, megabytes, memory) = await start(executable);
            times.Add(milliseconds);
            resident = Math.Max(resident, megabytes);
            most = most is null || memory?.Resident > most.Resident ? memory : most;
        }

        times.Sort();
        report($"{who}: process start to {milestone}, median of {Runs}", string.Create(CultureInfo.InvariantCulture, $"{times[Runs / 2]:0} ms"));
        report($"{who}: resident {rest}, most of {Runs}" + (goal is null ? "" : string.Create(CultureInfo.InvariantCulture, $" (goal {goal:0} MB)")), string.Create(CultureInfo.InvariantCulture, $"{resident:0.0} MB"));
        report($"{who}: of it written, of its file, of libraries", most is null ? "root is told" : string.Create(
            CultureInfo.InvariantCulture, $"{most.Written:0.0} + {most.Executable:0.0} + {most.Libraries:0.0} MB{(most.HasOpenSsl ? ", OpenSSL loaded" : "")}"));
        report($"{who}: proportional share (PSS) of it", most is null ? "root is told" : string.Create(CultureInfo.InvariantCulture, $"{most.Proportional:0.0} MB"));
        report($"{who}: executable", ProcessReading.Size(executable));
    }
}
