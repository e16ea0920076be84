using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Keyturn.Bench;

/// <summary>
/// What a rotation takes on the device, by its own log: from the job to the restart of the nucleus, and from the component's next start to the end. The
/// demo with one device, for each key algorithm.
/// </summary>
internal static partial class RotationBenchmark
{
    private static readonly (string Key, string Signing)[] Algorithms =
    [
        ("ECDSA-P256", "ECDSA-WITH-SHA256"), ("ECDSA-P384", "ECDSA-WITH-SHA384"), ("ECDSA-P521", "ECDSA-WITH-SHA512"), ("RSA-2048", "SHA256WITHRSA"), ("RSA-3072", "SHA256WITHRSA"),
    ];

    public static async Task RunAsync(Action<string, string> report)
    {
        var (peak, last) = (0.0, 0.0);
        foreach (var (key, signing) in Algorithms)
        {
            var directory = Directory.CreateTempSubdirectory("keyturn-bench-").FullName;
            try
            {
                var held = await RotateAsync(directory, key, signing);
                (peak, last) = (Math.Max(peak, held.Peak), Math.Max(last, held.Last));
                var log = Directory.EnumerateFiles(directory, "*CertificateRotator*.log", SearchOption.AllDirectories).Single();
                var busy = Busy(await File.ReadAllLinesAsync(log));
                report($"Device: a rotation to {key}, without the nucleus's restart", string.Create(CultureInfo.InvariantCulture, $"{busy.TotalMilliseconds:0} ms"));
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        report("Device: resident at the peak of a rotation (goal 26 MB)", string.Create(CultureInfo.InvariantCulture, $"{peak:0.0} MB"));
        report("Device: resident when it is over", string.Create(CultureInfo.InvariantCulture, $"{last:0.0} MB"));
    }

    /// <summary>The most memory that the component held meanwhile, and what it held when it was last seen.</summary>
    private static async Task<(double Peak, double Last)> RotateAsync(string directory, string key, string signing)
    {
        var recipe = Path.Combine(directory, "recipe.yaml");
        var text = await File.ReadAllTextAsync(Environment.GetEnvironmentVariable("KEYTURN_RECIPE")!);
        await File.WriteAllTextAsync(recipe, text.Replace("keyAlgorithm: RSA-2048", $"keyAlgorithm: {key}", StringComparison.Ordinal)
            .Replace("signingAlgorithm: SHA256WITHRSA", $"signingAlgorithm: {signing}", StringComparison.Ordinal));
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("KEYTURN_CLI")!, ["demo", "--json", "--devices", "1", "--logs", Path.Combine(directory, "logs")])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["KEYTURN_RECIPE"] = recipe;
        using var demo = Process.Start(start)!;
        var output = demo.StandardOutput.ReadToEndAsync();
        var (peak, last) = (0.0, 0.0);
        while (!demo.HasExited)
        {
            foreach (var component in Process.GetProcessesByName("certificate-rotator"))
            {
                using (component)
                    (peak, last) = (Math.Max(peak, Read(ProcessReading.PeakMegabytes, component.Id) ?? 0), Read(ProcessReading.ResidentMegabytes, component.Id) ?? last);
            }
            await Task.Delay(20);
        }
        await output;
        return demo.ExitCode == 0 ? (peak, last) : throw new InvalidOperationException($"the demo with {key} failed");
    }

    private static double? Read(Func<int, double> reading, int id)
    {
        try
        {
            return reading(id);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // It has just ended.
            return null;
        }
    }

    private static TimeSpan Busy(string[] log)
    {
        var taken = At(Array.Find(log, l => l.Contains("Idle -> Starting", StringComparison.Ordinal)));
        var switched = At(Array.Find(log, l => l.Contains("Switching -> Trial", StringComparison.Ordinal)));
        var resumed = At(Array.Find(log, l => l.Contains("Ready:", StringComparison.Ordinal) && At(l) > switched));
        var over = At(Array.FindLast(log, l => l.Contains("The rotation is over: rotated", StringComparison.Ordinal)));
        return switched - taken + (over - resumed);
    }

    private static DateTimeOffset At(string? line) => line is not null && Stamp().Match(line) is { Success: true } stamp
        ? DateTimeOffset.Parse(stamp.Groups[1].Value, CultureInfo.InvariantCulture)
        : throw new InvalidDataException("the component's log does not tell the rotation's story");

    /// <summary>The component's own time, after the nucleus's.</summary>
    [GeneratedRegex(@"stdout\. (\S+Z) ")]
    private static partial Regex Stamp();
}
