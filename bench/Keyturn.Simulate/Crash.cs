using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Keyturn.Device.Tests.Crash;

/// <summary>The device's process, its disk or its power dies at every call that a rotation makes on the disk, and again while it recovers.</summary>
internal static class Crash
{
    private const string Usage = """
        Strikes a rotation on a simulated disk at every call that the device's code makes on it: the process is killed, the power goes with what is pending
        kept, lost or torn, the disk is full, read-only or unreadable. Then once and twice more while it recovers.

          simulate crash [--json]

        What ends badly is printed with where it was struck and what was wrong, and so is the result. --json prints nothing but the result.
        """;

    public static int Command(string[] args)
    {
        if (args is not ([] or ["--json"]))
        {
            Console.Error.WriteLine($"simulate: '{string.Join(' ', args)}' is not understood\n\n{Usage}");
            return 1;
        }
        var (points, bad, watch) = (0, 0, Stopwatch.StartNew());
        foreach (var scenario in Scenario.All)
        {
            Add("struck once", scenario, CrashCampaign.Singles(scenario));
            Add("struck again during recovery", scenario, CrashCampaign.DuringRecovery(scenario, stride: 5));
            Add("struck twice during recovery", scenario, CrashCampaign.TwiceDuringRecovery(scenario, stride: 5));
        }
        Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, int> { ["points"] = points, ["bad"] = bad }));
        return bad > 0 ? 1 : 0;

        void Add(string how, Scenario scenario, CrashVerdict verdict)
        {
            points += verdict.Points;
            bad += verdict.Bad.Count;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds,4:0} s  {scenario.Name}, {how}: {verdict.Points} points, {verdict.Bad.Count} bad"));
            foreach (var wrong in args is [] ? verdict.Bad : [])
                Console.WriteLine(wrong);
        }
    }
}
