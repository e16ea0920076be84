namespace Keyturn.Simulation;

/// <summary>Many runs: every fault at every point of a rotation, every pair of them, or faults drawn from a seed.</summary>
internal static class Campaign
{
    /// <summary>Every fault that can strike somewhere in a rotation without any.</summary>
    public static IReadOnlyList<Fault> Singles() => [.. Simulation.Run(Schedule.Quiet).Points.SelectMany(Points.At)];

    /// <summary>Every two of them that strike at different points.</summary>
    public static IEnumerable<Schedule> Pairs(IReadOnlyList<Fault> singles)
    {
        for (var first = 0; first < singles.Count; first++)
        {
            for (var second = first + 1; second < singles.Count; second++)
            {
                if (singles[first].Point != singles[second].Point)
                    yield return new Schedule([singles[first], singles[second]]);
            }
        }
    }

    /// <summary>Two to six faults, some of them at repetitions that only other faults cause, and messages that take longer or less.</summary>
    public static Schedule Drawn(IReadOnlyList<Fault> singles, int seed)
    {
        var random = new Random(seed);
        var faults = Enumerable.Range(0, random.Next(2, 7)).Select(_ => singles[random.Next(singles.Count)]).Select(f =>
        {
            var cut = f.Point.LastIndexOf('#') + 1;
            return random.Next(3) > 0 ? f : f with { Point = $"{f.Point[..cut]}{random.Next(1, 6)}" };
        });
        return new Schedule([.. faults.Distinct()], seed);
    }

    /// <summary>Runs them all, on all processors, and hands over those that are bad.</summary>
    public static int Run(IEnumerable<Schedule> schedules, Action<Schedule, Verdict> bad, Action<int> progress)
    {
        var count = 0;
        var gate = new Lock();
        Parallel.ForEach(schedules, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, schedule =>
        {
            var verdict = Simulation.Run(schedule);
            lock (gate)
            {
                progress(++count);
                if (verdict.Wrong.Count > 0)
                    bad(schedule, verdict);
            }
        });
        return count;
    }
}
