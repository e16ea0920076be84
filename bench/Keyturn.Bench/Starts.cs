using System.Globalization;

namespace Keyturn.Bench;

/// <summary>A process started again and again: the median of its time, and the most memory it held.</summary>
internal static class Starts
{
    private const int Runs = 15;

    public static async Task MeasureAsync(
        Action<string, string> report, string who, string milestone, string rest, string executable,
        Func<string, Task<(double Milliseconds, double Megabytes)>> start)
    {
        var times = new List<double>();
        var resident = 0.0;
        for (var run = 0; run < Runs; run++)
        {
            var (milliseconds, megabytes) = await start(executable);
            times.Add(milliseconds);
            resident = Math.Max(resident, megabytes);
        }

        times.Sort();
        report($"{who}: process start to {milestone}, median of {Runs}", string.Create(CultureInfo.InvariantCulture, $"{times[Runs / 2]:0} ms"));
        report($"{who}: resident {rest}", string.Create(CultureInfo.InvariantCulture, $"{resident:0.0} MB"));
        report($"{who}: executable", ProcessReading.Size(executable));
    }
}
