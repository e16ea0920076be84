using System.Diagnostics;
using System.Text.Json;

namespace Keyturn.EndToEnd.Tests;

public sealed class DemoFromTheShell : IDisposable
{
    private readonly string temporary = Directory.CreateTempSubdirectory("keyturn-e2e-demo-").FullName;
    private readonly string mark = Guid.NewGuid().ToString("N");

    [Fact]
    public async Task Three_devices_rotate_and_nothing_is_left_behind()
    {
        var result = await Shell.RunAsync(Tools.Keyturn, ["demo", "--json"], Environment(), TimeSpan.FromMinutes(4));

        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        var lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var report = JsonDocument.Parse(lines[^1]).RootElement;
        Assert.Equal(3, report.GetProperty("devices").GetInt32());
        Assert.Equal(3, report.GetProperty("rotated").GetInt32());
        Assert.Equal(0, report.GetProperty("failed").GetInt32());
        Assert.Equal(3, report.GetProperty("details").EnumerateArray().Select(d => d.GetProperty("newCertificateId").GetString()).Distinct().Count());
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Stopped_in_the_middle_it_ends_everything_it_started()
    {
        using var demo = new Process
        {
            StartInfo = new ProcessStartInfo(Tools.Keyturn, ["demo", "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        foreach (var (name, value) in Environment())
            demo.StartInfo.Environment[name] = value;
        demo.Start();
        string? line;
        do
        {
            line = await demo.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line is not null && !line.Contains("creating the job", StringComparison.Ordinal));

        using (var kill = Process.Start("kill", ["-TERM", demo.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        await demo.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        Assert.Equal(143, demo.ExitCode);
        await NothingIsLeftAsync();
    }

    public void Dispose() => Directory.Delete(temporary, recursive: true);

    private Dictionary<string, string> Environment() => new()
    {
        ["TMPDIR"] = temporary,
        ["KEYTURN_TEST_MARK"] = mark,
        ["KEYTURN_LOCAL_CLOUD"] = Tools.All.LocalCloud,
        ["KEYTURN_LOCAL_CORE"] = Tools.All.LocalCore,
        ["KEYTURN_COMPONENT"] = Tools.All.Component,
        ["KEYTURN_RECIPE"] = Tools.All.Recipe,
        ["KEYTURN_FUNCTION"] = Tools.All.Function,
        ["KEYTURN_TEMPLATE"] = Tools.All.Template,
        // The runtime's own diagnostic sockets would lie in TMPDIR.
        ["DOTNET_EnableDiagnostics"] = "0",
    };

    private async Task NothingIsLeftAsync()
    {
        Assert.Empty(await LocalFleet.EventuallyAsync(() => Task.FromResult(Marked()), left => left.Count == 0));
        Assert.Empty(Directory.EnumerateFileSystemEntries(temporary));
    }

    /// <summary>Every process that inherited our mark.</summary>
    private List<string> Marked()
    {
        var found = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(process, "environ")).Contains(mark, StringComparison.Ordinal))
                    found.Add(File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' '));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Not a process, gone meanwhile, or not ours.
            }
        }

        return found;
    }
}
