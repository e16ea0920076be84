namespace Keyturn.Simulation;

/// <summary>Many runs: every fault at every point of a rotation, every pair of them, or faults drawn from a seed.</summary>
internal sealed class Campaign
{
    /// <summary>Polls and sweeps go on for ever.</summary>
    private const int Repetitions = 8;

    private Campaign(IReadOnlyList<Fault> singles) => Singles = singles;

    /// <summary>Every fault that can strike somewhere in a rotation without any.</summary>
    public IReadOnlyList<Fault> Singles { get; }

    /// <summary>Those that change the course of a rotation, one of each course: nobody taking part could tell the others from them.</summary>
    public IReadOnlyList<Fault> Distinct { get; private set; } = [];

    /// <summary>The single faults, and every fault at every point that only one of them leads to: retries, aborts, recoveries.</summary>
    public IReadOnlyList<Fault> Reachable { get; private set; } = [];

    public static Campaign Begin() => new([.. Simulation.Run(Schedule.Quiet).Points.SelectMany(Points.At)]);

    /// <summary>Runs every single fault, which also shows what there is to be paired and drawn.</summary>
    public int RunSingles(Action<Schedule, Verdict> bad, Action<int> progress)
    {
        var points = new HashSet<Point>();
        var courses = new Dictionary<string, Fault>();
        var order = Singles.Index().ToDictionary(f => f.Item, f => f.Index);
        var quiet = Simulation.Run(Schedule.Quiet).Course.Value;
        var gate = new Lock();
        var count = Run(Singles.Select(f => new Schedule([f])), bad, progress, (schedule, verdict) =>
        {
            var course = verdict.Course.Value;
            lock (gate)
            {
                points.UnionWith(verdict.Points);
                points.UnionWith(verdict.Later);
                var fault = schedule.Faults[0];
                if (course != quiet && (!courses.TryGetValue(course, out var first) || order[fault] < order[first]))
                    courses[course] = fault;
            }
        });
        Distinct = [.. courses.Values.OrderBy(f => order[f])];
        Reachable = [.. points.Where(p => Points.OrdinalOf(p) <= Repetitions || p.Kind == PointKind.Disk).OrderBy(p => p.Name, StringComparer.Ordinal).SelectMany(Points.At)];
        return count;
    }

    /// <summary>Every two faults that strike at different points.</summary>
    public static IEnumerable<Schedule> Pairs(IReadOnlyList<Fault> faults)
    {
        for (var first = 0; first < faults.Count; first++)
        {
            for (var second = first + 1; second < faults.Count; second++)
            {
                if (faults[first].Point != faults[second].Point)
                    yield return new Schedule([faults[first], faults[second]]);
            }
        }
    }

    /// <summary>Two to six faults, some of them at points that only other faults lead to, and messages that take longer or less.</summary>
    public static Schedule Drawn(IReadOnlyList<Fault> faults, int seed)
    {
        var random = new Random(seed);
        var drawn = Enumerable.Range(0, random.Next(2, 7)).Select(_ => faults[random.Next(faults.Count)]).Select(f =>
        {
            var cut = f.Point.LastIndexOf('#') + 1;
            return random.Next(3) > 0 ? f : f with { Point = $"{f.Point[..cut]}{random.Next(1, 6)}" };
        });
        return new Schedule([.. drawn.Distinct()], seed, NoEvents: random.Next(8) == 0, Retries: random.Next(4) == 0);
    }

    /// <summary>Runs them all, on all processors, and hands over those that are bad.</summary>
    public static int Run(IEnumerable<Schedule> schedules, Action<Schedule, Verdict> bad, Action<int> progress, Action<Schedule, Verdict>? each = null, Weakness weakness = Weakness.None)
    {
        var count = 0;
        var gate = new Lock();
        Parallel.ForEach(schedules, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, schedule =>
        {
            var verdict = Simulation.Run(schedule, weakness);
            each?.Invoke(schedule, verdict);
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
