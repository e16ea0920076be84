using System.Globalization;

namespace Keyturn.Device.Tests.Crash;

/// <summary>The power goes at every change that the product makes on the disk, found by counting them, with every fate of what is pending there.</summary>
public sealed class CrashTests
{
    private static readonly Fate[] Blunt =
    [
        new("all kept", _ => true, 2), new("all lost", _ => false, 0), new("names kept, contents lost", _ => true, 0), new("names kept, contents torn", _ => true, 1),
    ];

    [Theory]
    [InlineData(false, 350)]
    [InlineData(true, 400)]
    public async Task A_crash_at_any_change_leaves_a_working_credential_and_the_rotation_ends_as_it_would_have(bool isRefused, int atLeast)
    {
        var (points, bad) = await StrikeEverywhereAsync(() => new SimulatedFileSystem(), isRefused);

        Assert.True(bad.Count == 0, string.Join('\n', bad.Take(10)));
        Assert.True(points >= atLeast, $"only {points} points");
    }

    [Fact]
    public async Task A_crash_during_recovery_from_a_crash_does_no_more_harm()
    {
        var bad = new List<string>();
        var first = await CountAsync(isRefused: false);
        for (var at = 0; at < first; at += 3)
        {
            foreach (var fate in Blunt[..2])
            {
                var recovery = await RunAsync(new SimulatedFileSystem(), false, bad, (at, fate));
                for (var again = at % 7; recovery.Count > 1 && again < recovery[1]; again += 7)
                    await RunAsync(new SimulatedFileSystem(), false, bad, (at, fate), (again, Blunt[(at + again) % 4]));
            }
        }
        Assert.True(bad.Count == 0, string.Join('\n', bad.Take(10)));
    }

    [Fact]
    public async Task The_check_notices_a_missing_directory_fsync()
    {
        var (_, bad) = await StrikeEverywhereAsync(() => new SimulatedFileSystem { IgnoresDirectorySync = true }, isRefused: false, untilBad: true);
        Assert.NotEmpty(bad);
    }

    [Fact]
    public async Task The_check_notices_a_journal_that_is_not_written()
    {
        var (_, bad) = await StrikeEverywhereAsync(
            () => new SimulatedFileSystem { NeverKeeps = path => path.EndsWith("/journal", StringComparison.Ordinal) }, isRefused: false, untilBad: true);
        Assert.NotEmpty(bad);
    }

    private static async Task<(int Points, List<string> Bad)> StrikeEverywhereAsync(Func<SimulatedFileSystem> disk, bool isRefused, bool untilBad = false)
    {
        var (points, bad) = (0, new List<string>());
        var changes = await CountAsync(isRefused);
        for (var at = 0; at < changes && !(untilBad && bad.Count > 0); at++)
        {
            var pending = 0;
            foreach (var fate in Blunt)
            {
                using var simulation = new CrashSimulation(disk(), isRefused);
                await NoteAsync(simulation, bad, (at, fate));
                pending = simulation.PendingAtCrash;
                points++;
            }
            // Then each pending one alone: the only one lost, the only one kept.
            for (var one = 0; one < pending && pending > 1; one++)
            {
                var n = one;
                foreach (var fate in (Fate[])[new($"all but {n} kept", i => i != n, 2), new($"only {n} kept", i => i == n, 2)])
                {
                    await RunAsync(disk(), isRefused, bad, (at, fate));
                    points++;
                }
            }
        }
        return (points, bad);
    }

    private static async Task<int> CountAsync(bool isRefused)
    {
        using var simulation = new CrashSimulation(new SimulatedFileSystem(), isRefused);
        Assert.Null(await simulation.RunAsync());
        return simulation.Lives[0];
    }

    private static async Task<List<int>> RunAsync(SimulatedFileSystem disk, bool isRefused, List<string> bad, params (int At, Fate Fate)[] strikes)
    {
        using var simulation = new CrashSimulation(disk, isRefused);
        await NoteAsync(simulation, bad, strikes);
        return simulation.Lives;
    }

    private static async Task NoteAsync(CrashSimulation simulation, List<string> bad, params (int At, Fate Fate)[] strikes)
    {
        var where = string.Join(", then ", strikes.Select(s => string.Create(CultureInfo.InvariantCulture, $"change {s.At}, {s.Fate.Name}")));
        try
        {
            if (await simulation.RunAsync(strikes) is { } wrong)
                bad.Add($"{where}: {wrong}");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            bad.Add($"{where}: {e.Message}");
        }
    }
}
