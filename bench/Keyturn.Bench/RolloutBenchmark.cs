using System.Diagnostics;

namespace Keyturn.Bench;

/// <summary>One job with ten thousand targets, in real time: created, rolled out at 1,000 things a minute as on AWS, and worked off as it comes.</summary>
internal static class RolloutBenchmark
{
    private const int Targets = 10_000;
    private const int PerMinute = 1_000;
    private const string Job = "rollout";
    private static readonly ParallelOptions Bounded = new() { MaxDegreeOfParallelism = 8 };

    /// <summary>The last thousand is told nine minutes after the first.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromMinutes((Targets / PerMinute) - 1);

    public static async Task RunAsync(Action<string, string> report, Process cloud, SignedApi api)
    {
        await api.CallAsync("iot", "POST", "/thing-groups/fleet", "{}");
        await Parallel.ForEachAsync(Enumerable.Range(0, Targets), Bounded, async (i, _) =>
        {
            await api.CallAsync("iot", "POST", $"/things/r{i}", "{}");
            await api.CallAsync("iot", "PUT", "/thing-groups/addThingToThingGroup", $$"""{"thingName":"r{{i}}","thingGroupName":"fleet"}""");
        });
        var cpu = ProcessReading.CpuSeconds(cloud);
        var clock = Stopwatch.StartNew();
        await api.CallAsync("iot", "PUT", $"/jobs/{Job}", """{"targets":["arn:aws:iot:us-east-1:012345678901:thinggroup/fleet"],"document":"{}"}""");
        var created = clock.Elapsed;
        var done = 0;
        while (done < Targets && clock.Elapsed < Least + TimeSpan.FromMinutes(5))
        {
            var things = await QueuedAsync(api);
            await Parallel.ForEachAsync(things, Bounded, async (thing, _) =>
            {
                await api.CallAsync("iot-jobs-data", "PUT", $"/things/{thing}/jobs/$next", "{}");
                await api.CallAsync("iot-jobs-data", "POST", $"/things/{thing}/jobs/{Job}", """{"status":"SUCCEEDED"}""");
            });
            done += things.Count;
            if (things.Count == 0)
                await Task.Delay(250);
        }

        var drained = clock.Elapsed;
        cpu = ProcessReading.CpuSeconds(cloud) - cpu;
        var job = (await api.CallAsync("iot", "GET", $"/jobs/{Job}"))["job"]!;
        report($"Local cloud: one job with {Targets} targets created", Show($"{created.TotalSeconds:0.00} s"));
        report("Local cloud: the same job drained as it was rolled out, 1000 things a minute", Show(
            $"{job["status"]}, {job["jobProcessDetails"]!["numberOfSucceededThings"]} succeeded, after {drained.TotalSeconds:0} s: {(drained - Least).TotalSeconds:0.0} s after its last thousand was told; {cpu * 1000 / Targets:0.0} ms of CPU each"));
    }

    /// <summary>The things whose turn has come.</summary>
    private static async Task<List<string>> QueuedAsync(SignedApi api)
    {
        var (things, token) = (new List<string>(), (string?)"");
        while (token is not null)
        {
            var page = await api.CallAsync(
                "iot", "GET", $"/jobs/{Job}/things", "", "maxResults=250" + (token.Length > 0 ? $"&nextToken={Uri.EscapeDataString(token)}" : "") + "&status=QUEUED");
            things.AddRange(page["executionSummaries"]!.AsArray().Select(e => e!["thingArn"]!.ToString().Split('/')[^1]));
            token = page["nextToken"]?.ToString();
        }

        return things;
    }

    private static string Show(FormattableString text) => FormattableString.Invariant(text);
}
