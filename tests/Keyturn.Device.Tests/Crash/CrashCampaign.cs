using System.Collections.Concurrent;
using System.Globalization;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Crash;

/// <param name="Points">How many runs were struck, each at other calls or in another way.</param>
/// <param name="Bad">Where and how, and what was wrong at the end.</param>
internal sealed record CrashVerdict(int Points, IReadOnlyCollection<string> Bad);

/// <summary>
/// Strikes at every call that the product makes on its disk, found by letting it run and writing them down; then, in the life that follows, at every
/// change that the recovery makes; then once more.
/// </summary>
internal static class CrashCampaign
{
    /// <summary>Recovery is over by then; what follows is the rest of the rotation, which is struck where it comes first.</summary>
    private const int RecoveryCalls = 70;

    private static readonly Fate
        Kept = new("all kept", _ => true, 2), Lost = new("all lost", _ => false, 0),
        Empty = new("names kept, contents lost", _ => true, 0), Torn = new("names kept, contents torn", _ => true, 1);

    private static readonly ConcurrentDictionary<(Scenario Scenario, Strike Strike), int[]> s_afterOne = [];

    private static readonly Blow[] AtAnyCall = [Off(Lost), Off(Kept), Blow.Killed];
    private static readonly Blow[] AtAnyChange = [Off(Empty), Off(Torn), new("disk full", Error: FileSystemException.NoSpace), new("disk full for a while", Error: FileSystemException.NoSpace, Times: 25), new("read-only", Error: FileSystemException.ReadOnly, Times: 8)];
    private static readonly Blow[] AtAnyLook = [new("unreadable", Error: 5), new("unreadable for a while", Error: 5, Times: 25)];

    /// <param name="stride">Only every so many of them.</param>
    public static CrashVerdict Singles(Scenario scenario, int stride = 1, Func<SimulatedFileSystem>? disk = null, bool untilBad = false) =>
        StrikeAll(scenario, Everywhere(Trace(scenario)).Where((_, i) => i % stride == 0), disk, untilBad);

    public static CrashVerdict DuringRecovery(Scenario scenario, int stride = 1) => StrikeAll(scenario, Twos(scenario, stride), null, untilBad: false);

    public static CrashVerdict TwiceDuringRecovery(Scenario scenario, int stride = 1) => StrikeAll(scenario, Threes(scenario, stride), null, untilBad: false);

    /// <summary>What one undisturbed run asks of the disk.</summary>
    public static DiskCall[] Trace(Scenario scenario)
    {
        using var simulation = new CrashSimulation(scenario);
        return simulation.Run() is { } wrong ? throw new InvalidOperationException($"{scenario.Name}: {wrong}") : simulation.Lives[0];
    }

    private static IEnumerable<Strike[]> Everywhere(DiskCall[] trace)
    {
        for (var at = 0; at < trace.Length; at++)
        {
            foreach (var blow in AtAnyCall.Concat(trace[at].IsChange ? AtAnyChange : AtAnyLook))
                yield return [new(at, blow)];
            if (!trace[at].IsChange)
                continue;
            // Then each of the few that can be pending alone: the only one lost, the only one kept.
            for (var n = 0; n < trace[at].Pending && trace[at].Pending > 1; n++)
            {
                var one = n;
                yield return [new(at, Off(new($"all but {one} kept", i => i != one, 2)))];
                yield return [new(at, Off(new($"only {one} kept", i => i == one, 2)))];
            }
        }
    }

    private static IEnumerable<Strike[]> Twos(Scenario scenario, int stride) =>
        from first in Changes(Trace(scenario), int.MaxValue).Where((_, i) => i % stride == 0)
        from blow in AtAnyCall
        from second in AfterOne(scenario, new Strike(first, blow)).Where((_, i) => i % Math.Min(stride, 3) == 0)
        from again in (Blow[])[Off(Lost), AtAnyCall[1 + (first + second) % 2]]
        select (Strike[])[new(first, blow), new(second, again)];

    private static IEnumerable<Strike[]> Threes(Scenario scenario, int stride) =>
        from two in Twos(scenario, stride).Where((_, i) => i % (10 + stride) == 0)
        let lives = Lives(scenario, two)
        where lives.Count > 2
        from third in Changes(lives[2]).Where((_, i) => (i + two[1].At) % 4 == 0)
        select (Strike[])[.. two, new(third, AtAnyCall[third % 3])];

    /// <summary>The changes in the life after it: a question that is asked for two strikes and again for three.</summary>
    private static int[] AfterOne(Scenario scenario, Strike strike) => s_afterOne.GetOrAdd(
        (scenario, strike), static struck => Lives(struck.Scenario, struck.Strike) is { Count: > 1 } lives ? [.. Changes(lives[1])] : []);

    /// <summary>Whatever is wrong with them is found where they are struck for their own sake.</summary>
    private static List<DiskCall[]> Lives(Scenario scenario, params Strike[] strikes)
    {
        using var simulation = new CrashSimulation(scenario);
        try
        {
            simulation.Run(strikes);
        }
        catch (InvalidOperationException)
        {
            // It came to a standstill.
        }
        return simulation.Lives;
    }

    private static IEnumerable<int> Changes(DiskCall[] trace, int among = RecoveryCalls) =>
        Enumerable.Range(0, Math.Min(trace.Length, among)).Where(at => trace[at].IsChange);

    private static Blow Off(Fate fate) => new(fate.Name, fate);

    private static CrashVerdict StrikeAll(Scenario scenario, IEnumerable<Strike[]> points, Func<SimulatedFileSystem>? disk, bool untilBad)
    {
        var (count, bad) = (0, new ConcurrentQueue<string>());
        var few = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.ForEach(Partitioner.Create(points.TakeWhile(_ => !(untilBad && !bad.IsEmpty)), EnumerablePartitionerOptions.NoBuffering), few, strikes =>
        {
            Interlocked.Increment(ref count);
            if (Run(scenario, disk?.Invoke(), strikes) is { } wrong)
                bad.Enqueue(wrong);
        });
        return new(count, bad);
    }

    private static string? Run(Scenario scenario, SimulatedFileSystem? disk, Strike[] strikes)
    {
        using var simulation = new CrashSimulation(scenario, disk);
        string? wrong;
        try
        {
            wrong = simulation.Run(strikes);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            wrong = e.Message;
        }
        return wrong is null ? null : $"{scenario.Name}: {string.Join(", then ", strikes.Select(Describe))}: {wrong}";

        string Describe(Strike strike, int life)
        {
            var call = life < simulation.Lives.Count ? simulation.Lives[life].ElementAtOrDefault(strike.At) : null;
            return string.Create(CultureInfo.InvariantCulture, $"{strike.Blow.Name} at {strike.At} ({call?.Operation} {call?.Path})");
        }
    }
}
