using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Keyturn.Bench;

/// <summary>Rotations a minute of the demo: from the job's creation to the last device's SUCCEEDED.</summary>
internal static class DemoBenchmark
{
    public static async Task RunAsync(Action<string, string> report)
    {
        foreach (var devices in (int[])[1, 10, 50])
        {
            var start = new ProcessStartInfo(
                Environment.GetEnvironmentVariable("KEYTURN_CLI")!,
                ["demo", "--json", "--devices", devices.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
            using var process = Process.Start(start)!;
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            var result = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement;
            var slowest = result.GetProperty("details").EnumerateArray().Max(detail => detail.GetProperty("seconds").GetDouble());
            var rotated = result.GetProperty("rotated").GetInt32();
            report(
                $"Demo with {devices} device{(devices == 1 ? "" : "s")}: rotations a minute",
                string.Create(CultureInfo.InvariantCulture, $"{rotated / slowest * 60:0} ({rotated} of {devices} in {slowest:0.0} s)"));
        }
    }
}
