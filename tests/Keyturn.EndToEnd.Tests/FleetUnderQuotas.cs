using System.Text.RegularExpressions;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// What <c>script/bench fleet</c> does with 300: devices as they are delivered, but for the process, over real MQTT, with the deployed functions, under the
/// quotas that AWS publishes.
/// </summary>
public sealed partial class FleetUnderQuotas
{
    [Fact]
    public async Task Thirty_devices_rotate_at_once_and_none_fails()
    {
        var bench = Path.Combine(Tools.Root, "artifacts", "bin", "Keyturn.Bench", "release", "Keyturn.Bench");
        Assert.True(File.Exists(bench), "run script/build --all first");
        var environment = new Dictionary<string, string>
        {
            ["KEYTURN_LOCAL_CLOUD"] = Tools.All.LocalCloud, ["KEYTURN_TEMPLATE"] = Tools.All.Template, ["KEYTURN_FUNCTION"] = Tools.All.Function,
        };
        var run = await Shell.RunAsync(bench, ["fleet", "30"], environment, TimeSpan.FromMinutes(3));

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("30 succeeded", run.Output, StringComparison.Ordinal);
        var said = Blanks().Replace(run.Output.Replace('|', ' '), " ");
        Assert.Contains("30 are left", said, StringComparison.Ordinal);
        // Which one binds is told by the calls of one rotation alone, which on a busy machine may say something twice.
        Assert.Matches("bound by iot:[A-Z][A-Za-z0-9]+ \\([1-9]", said);
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
