using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Provisioning;

namespace Keyturn.LocalCore.Tests.Support;

/// <summary>A provisioned root directory and the real local-core process over it.</summary>
internal sealed class TestCore : IAsyncDisposable
{
    private Process? loader;
    private readonly Queue<string> lines = [];

    public TestCore(TestAuthority authority, int mqttPort, string thing = "pump1")
    {
        Thing = thing;
        Root = Directory.CreateTempSubdirectory("core-").FullName;
        var (certificate, key) = authority.Issue(thing);
        Installation.Write(Root, new(thing, "us-east-1", certificate, key, authority.RootPem,
            $"localhost:{mqttPort}", "localhost:8443", "localhost:8443"), TimeProvider.System);
    }

    public string Thing { get; }

    public string Root { get; }

    public int LoaderId => loader!.Id;

    public string NucleusLog => ReadLog("greengrass");

    public static string Executable => Path.Combine(AppContext.BaseDirectory, "local-core");

    public void Configure(JsonObject nucleusConfiguration)
    {
        var (store, log) = TransactionLog.Open(Root);
        using (log)
            store.Merge(["services", NucleusSettings.Component, "configuration"], nucleusConfiguration, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>Starts the loader and waits for the nucleus's first <c>ready</c>.</summary>
    public async Task StartAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Executable, ["--root", Root, .. arguments]) { RedirectStandardOutput = true };
        loader = Process.Start(start)!;
        loader.OutputDataReceived += (_, line) =>
        {
            lock (lines)
                lines.Enqueue(line.Data ?? "");
        };
        loader.BeginOutputReadLine();
        await ReadyAsync();
    }

    /// <summary>Waits for one more <c>ready</c>.</summary>
    public Task ReadyAsync() => Patience.UntilAsync(
        () =>
        {
            lock (lines)
                return lines.TryDequeue(out var line) && line == "ready";
        },
        "ready. Nucleus log:\n" + NucleusLog);

    /// <summary>Hands a deployment document to the running core: exit code, and what was printed.</summary>
    public async Task<(int ExitCode, JsonNode? Result, string Error)> DeployAsync(string document)
    {
        var file = Path.Combine(Root, "deployment.json");
        await File.WriteAllTextAsync(file, document, TestContext.Current.CancellationToken);
        using var deploy = Process.Start(new ProcessStartInfo(Executable, ["deploy", "--root", Root, file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = deploy.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await deploy.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await deploy.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (deploy.ExitCode, output.Length > 0 ? JsonNode.Parse(output) : null, await error);
    }

    public string ReadLog(string name)
    {
        var path = Path.Combine(Root, "logs", name + ".log");
        if (!File.Exists(path))
            return "";
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    public int[] NucleusIds() => [.. NucleusLog.Split('\n').Where(l => l.Contains("started as process", StringComparison.Ordinal))
        .Select(l => int.Parse(l.Split("process ")[1].Split(' ')[0], CultureInfo.InvariantCulture))];

    public async Task<TimeSpan> StopAsync()
    {
        var watch = Stopwatch.StartNew();
        Posix.Signal(loader!.Id, Posix.SigTerm);
        await loader.WaitForExitAsync(TestContext.Current.CancellationToken);
        return watch.Elapsed;
    }

    public async ValueTask DisposeAsync()
    {
        if (loader is { HasExited: false })
            await StopAsync();
        loader?.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
