using System.Globalization;
using System.Text.Json;
using Keyturn.Simulation;

return args is ["crash", .. var crash] ? Crash.Command(crash) : Faults.Command(args is ["faults", .. var options] ? options : args);

/// <summary>Rotations under faults, in virtual time. Progress goes to standard error, what is bad and the result to standard output.</summary>
internal static class Faults
{
    private const string Usage = """
        Runs rotations under faults, in virtual time: the device's and the backend's code as delivered, all between them simulated.

          simulate faults [--pairs | --every-pair] [--seeds N] [--seed S] [--json]
          simulate faults --replay LINE

        Every single fault always. --pairs every two of them that give a rotation courses of their own, --every-pair every two at all; --seeds N schedules drawn from the seeds S, S + 1, and so on (S is 1 unless told).
        A bad run is printed as a line for --replay, with what was wrong. --json prints nothing but the result.
        """;

    public static int Command(string[] args)
    {
        bool pairs = false, every = false, json = false;
        int seeds = 0, seed = 1;
        string? replay = null;
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--pairs":
                    pairs = true;
                    break;
                case "--every-pair":
                    (pairs, every) = (true, true);
                    break;
                case "--json":
                    json = true;
                    break;
                case "--seeds" when int.TryParse(value, CultureInfo.InvariantCulture, out seeds) && seeds >= 0:
                case "--seed" when int.TryParse(value, CultureInfo.InvariantCulture, out seed) && seed > 0:
                case "--replay" when (replay = value) is not null:
                    i++;
                    break;
                default:
                    Console.Error.WriteLine($"simulate: '{args[i]}' is not understood, or its value is missing or wrong\n\n{Usage}");
                    return 1;
            }
        }
        return replay is not null ? Replay(replay) : Run(pairs, every, seeds, seed, json);
    }

    private static int Run(bool pairs, bool every, int seeds, int seed, bool json)
    {
        var bad = 0;
        var campaign = Campaign.Begin();
        Action<int> progress = Progress("singles", campaign.Singles.Count);
        var numbers = new Dictionary<string, int>
        {
            ["singles"] = campaign.RunSingles(Bad, progress),
        };
        var paired = every ? campaign.Singles : campaign.Distinct;
        numbers["pairs"] = pairs ? Make("pairs", Campaign.Pairs(paired), Campaign.Pairs(paired).Count()) : 0;
        numbers["seeds"] = Make("seeds", Enumerable.Range(seed, seeds).Select(s => Campaign.Drawn(campaign.Reachable, s)), seeds);

        numbers["bad"] = bad;
        Console.WriteLine(JsonSerializer.Serialize(numbers));
        return bad > 0 ? 1 : 0;

        int Make(string name, IEnumerable<Schedule> schedules, int of) => Campaign.Run(schedules, Bad, Progress(name, of));

        void Bad(Schedule schedule, Verdict verdict)
        {
            bad++;
            if (!json)
                Console.WriteLine($"{schedule}\n    {string.Join("\n    ", verdict.Wrong)}");
        }

        Action<int> Progress(string name, int of) => count =>
        {
            if (count % 1000 == 0 || count == of)
                Console.Error.WriteLine($"{name}: {count} of {of}, {bad} bad");
        };
    }

    private static int Replay(string line)
    {
        Schedule schedule;
        try
        {
            schedule = Schedule.Parse(line);
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine($"simulate: {e.Message}");
            return 1;
        }
        var verdict = Simulation.Run(schedule, log: Console.Error);
        Console.Error.WriteLine(string.Join(' ', verdict.Points.Select(p => p.Name)));
        foreach (var wrong in verdict.Wrong)
            Console.WriteLine(wrong);
        Console.WriteLine($"{verdict.Struck} of {schedule.Faults.Count} faults struck; {(verdict.Wrong.Count == 0 ? "all is well" : "bad")}");
        return verdict.Wrong.Count == 0 ? 0 : 1;
    }
}
