using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// A cloud and some cores, as processes, for one test. Disposing ends them, and fails the test on any line of any log that speaks of
/// an error nobody announced with <see cref="Expect"/>.
/// </summary>
internal sealed class LocalFleet : IAsyncDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("keyturn-e2e-").FullName;
    private readonly List<ToolProcess> processes = [];
    private readonly List<string> expected = [];
    private int deployments;

    public const string Rotator = "aws.greengrass.labs.CertificateRotator";

    public DemoCloud Cloud { get; private set; } = null!;

    public AwsCli Aws { get; private set; } = null!;

    public static Task<LocalFleet> StartAsync(params IEnumerable<string> cloudOptions) => StartWithAsync(Tools.All.Template, cloudOptions);

    public static async Task<LocalFleet> StartWithAsync(string template, params IEnumerable<string> cloudOptions)
    {
        var fleet = new LocalFleet();
        string[] chosen = [.. cloudOptions];
        // Making RSA keys would take most of a second of each test.
        string[] serverKey = chosen.Contains("--server-key") ? [] : ["--server-key", "ec256"];
        var process = fleet.Run(
            "local-cloud", Tools.All.LocalCloud,
            ["--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--data", fleet.DirectoryOf("cloud"),
                "--template", template, "--function-executable", Tools.All.Function, .. serverKey, .. chosen]);
        fleet.Cloud = DemoCloud.Parse(await process.ReadyAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        fleet.Aws = AwsCli.Of(fleet.Cloud.Api);
        return fleet;
    }

    public string DirectoryOf(string name) => Path.Combine(directory, name);

    /// <summary>Error lines with this text are part of the test.</summary>
    public void Expect(string text) => expected.Add(text);

    public async Task<DemoDevice> ProvisionAsync(string thing, params IEnumerable<string> options)
    {
        var device = new DemoDevice(thing, DirectoryOf(thing));
        var provision = Run(
            thing + ".provision", Tools.All.LocalCore,
            ["--provision", Cloud.Api.ToString(), "--thing", thing, "--root", device.Root, "--group", "e2e", .. options]);
        await provision.CompletedAsync(TestContext.Current.CancellationToken);
        return device;
    }

    public async Task<ToolProcess> StartCoreAsync(DemoDevice device, params IEnumerable<string> options)
    {
        var core = Run(
            device.Thing, Tools.All.LocalCore,
            ["--root", device.Root, "--component-executable", Tools.All.Component, "--recipe", Tools.All.Recipe, .. options]);
        await core.ReadyAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        return core;
    }

    /// <summary>A core with nothing but its nucleus: deployments of the cloud bring components.</summary>
    public async Task StartBareCoreAsync(DemoDevice device)
    {
        var core = Run(device.Thing, Tools.All.LocalCore, ["--root", device.Root, "--installed"]);
        await core.ReadyAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        // The cloud knows a core from its first report on.
        var known = await EventuallyAsync(() => Aws.RunAsync("greengrassv2", "get-core-device", "--core-device-thing-name", device.Thing), answer => answer.ExitCode == 0);
        Assert.True(known.ExitCode == 0, known.Error);
    }

    public async Task<DemoDevice> AddDeviceAsync(string thing, params IEnumerable<string> options)
    {
        var device = await ProvisionAsync(thing);
        await StartCoreAsync(device, options);
        return device;
    }

    /// <summary>Waits until the component's log says it so many times.</summary>
    public static async Task<string> RotatorSaysAsync(DemoDevice device, string text, int times = 1)
    {
        var log = await EventuallyAsync(() => RotatorLogAsync(device), HasSaid);
        return HasSaid(log) ? log : throw new TimeoutException($"{device.Thing} never said '{text}' {times} times:\n{log}");

        bool HasSaid(string log) => log.Split(text).Length > times;
    }

    public static async Task<string> RotatorLogAsync(DemoDevice device)
    {
        var path = Path.Combine(device.Root, "logs", Rotator + ".log");
        return File.Exists(path) ? await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken) : "";
    }

    /// <summary>A deployment to a running core, as its operator would hand it over.</summary>
    public async Task<DeploymentEnd> DeployAsync(DemoDevice device, JsonObject components, TimeSpan? patience = null, params string[] remove)
    {
        var file = DirectoryOf($"{device.Thing}.deployment-{++deployments}.json");
        var document = new JsonObject { ["components"] = components, ["componentsToRemove"] = new JsonArray([.. remove.Select(r => JsonValue.Create(r))]) };
        await File.WriteAllTextAsync(file, document.ToJsonString(), TestContext.Current.CancellationToken);
        var result = await Shell.RunAsync(Tools.All.LocalCore, ["deploy", "--root", device.Root, file], patience: patience);
        Assert.True(result.ExitCode is 0 or 2, result.Error);
        var end = JsonDocument.Parse(result.Output).RootElement;
        return new(end.GetProperty("status").GetString()!, end.GetProperty("message").GetString() ?? "");
    }

    /// <summary>Changes the rotator's configuration.</summary>
    public Task<DeploymentEnd> ConfigureAsync(DemoDevice device, JsonObject merge) =>
        DeployAsync(device, new() { [Rotator] = new JsonObject { ["configurationUpdate"] = new JsonObject { ["merge"] = merge } } });

    public async Task CreateRotationJobAsync(string jobId, params IEnumerable<string> things) =>
        await Aws.JsonAsync([
            "iot", "create-job", "--job-id", jobId,
            "--job-template-arn", "arn:aws:iot:us-east-1:012345678901:jobtemplate/AWSLabsCertificateRotator",
            "--targets", .. things.Select(thing => $"arn:aws:iot:us-east-1:012345678901:thing/{thing}")]);

    /// <summary>The execution once it is over.</summary>
    public async Task<JsonElement> ExecutionEndAsync(string jobId, string thing)
    {
        var execution = await EventuallyAsync(
            async () => (await Aws.JsonAsync("iot", "describe-job-execution", "--job-id", jobId, "--thing-name", thing)).GetProperty("execution"), IsOver);
        return IsOver(execution) ? execution : throw new TimeoutException($"{thing} has not finished {jobId}");

        static bool IsOver(JsonElement execution) => execution.GetProperty("status").GetString() is not ("QUEUED" or "IN_PROGRESS");
    }

    /// <summary>The ids of the certificates that are attached to the thing, once there is only one, or in the end.</summary>
    public Task<string[]> CertificatesInTheEndAsync(string thing) => EventuallyAsync(
        async () =>
        {
            var listed = await Aws.JsonAsync("iot", "list-thing-principals", "--thing-name", thing);
            return listed.GetProperty("principals").EnumerateArray().Select(principal => principal.GetString()!.Split('/')[^1]).ToArray();
        },
        certificates => certificates.Length == 1);

    /// <summary>What was seen once it was so, or, after three minutes, last.</summary>
    public static async Task<T> EventuallyAsync<T>(Func<Task<T>> look, Func<T, bool> isSo)
    {
        var waiting = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (isSo(seen) || waiting.Elapsed > TimeSpan.FromMinutes(3))
                return seen;
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    public async Task<JsonElement> NotificationsAsync()
    {
        using var http = new HttpClient();
        return JsonDocument.Parse(await http.GetStringAsync(new Uri(Cloud.Management, "/notifications"), TestContext.Current.CancellationToken)).RootElement;
    }

    public ToolProcess Run(string name, string executable, IEnumerable<string> arguments)
    {
        Directory.CreateDirectory(DirectoryOf("logs"));
        var process = ToolProcess.Start(name, Path.Combine(DirectoryOf("logs"), name + ".log"), TimeProvider.System, executable, arguments);
        processes.Add(process);
        return process;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(processes.Select(process => process.DisposeAsync().AsTask()));
        var unexpected = Directory.EnumerateFiles(directory, "*.log", SearchOption.AllDirectories)
            .SelectMany(file => File.ReadLines(file).Where(IsUnexpected).Select(line => $"{Path.GetRelativePath(directory, file)}: {line}"))
            .ToList();
        if (Environment.GetEnvironmentVariable("KEYTURN_KEEP_LOGS") is null)
            Directory.Delete(directory, recursive: true);
        Assert.True(unexpected.Count == 0, "unexpected errors:\n" + string.Join('\n', unexpected.Take(20)));
    }

    private bool IsUnexpected(string line) =>
        LogLine.IsError(line) && !expected.Exists(text => line.Contains(text, StringComparison.OrdinalIgnoreCase));
}

internal sealed record DeploymentEnd(string Status, string Message);
