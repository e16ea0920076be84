using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Tests.Hosting;

[assembly: AssemblyFixture(typeof(LocalCloudProcess))]

namespace Keyturn.LocalCloud.Tests.Hosting;

/// <summary>The program itself, started as a person starts it, on free ports. One for all tests: names keep them apart.</summary>
public sealed partial class LocalCloudProcess : IAsyncLifetime
{
    private readonly string _data = Path.Combine(Path.GetTempPath(), $"local-cloud-tests-{Guid.NewGuid():N}");
    private Process? _process;
    private AwsCli? _cli;
    private readonly StringBuilder _errors = new();

    public static string Program => Path.Combine(AppContext.BaseDirectory, "local-cloud");

    public static string Function => Path.Combine(AppContext.BaseDirectory, "Lambda", "bash-runtime");

    public static string Template => Path.Combine(AppContext.BaseDirectory, "CloudFormation", "test-stack.json");

    public Dictionary<string, string> Urls { get; } = [];

    public string Api => Urls["api"];

    public string Management => Urls["management"];

    public string PrivateCa => Urls["private-ca"];

    public string Log
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    internal AwsCli Aws => _cli!;

    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // The host of the program finds the runtime that runs these tests.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        return Process.Start(start)!;
    }

    public async ValueTask InitializeAsync()
    {
        _process = Start(
            "--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--data", _data,
            "--template", Template, "--function-executable", Function, "--retry-delay", "10", "--detach-delay", "1500",
            "--private-ca", "ec256", "--parameter", "CaArn={private-ca}",
            // The same misfortunes each time.
            "--seed", "1");
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();
        while (await _process.StandardOutput.ReadLineAsync() is { } line && line != "ready")
        {
            var parts = line.Split(' ', 2);
            Urls.Add(parts[0], parts[1]);
        }

        Assert.True(Urls.ContainsKey("root-ca"), $"local-cloud did not start: {Log}");
        _cli = new AwsCli(Api);
    }

    public async ValueTask DisposeAsync()
    {
        _cli?.Dispose();
        if (_process is null)
            return;
        SignalProcess.Terminate(_process.Id);
        await _process.WaitForExitAsync();
        _process.Dispose();
        if (Directory.Exists(_data))
            Directory.Delete(_data, recursive: true);
        // What the tests provoke on purpose is named here; anything else is a fault nobody asked for.
        var unexpected = ErrorLine().Matches(Log).Select(m => m.Value).Where(l => !l.Contains("bash-", StringComparison.Ordinal)).ToList();
        Assert.True(unexpected.Count == 0, string.Join('\n', unexpected));
    }

    [GeneratedRegex("^error:.*$", RegexOptions.Multiline)]
    private static partial Regex ErrorLine();
}
