namespace Keyturn.Cli.Demo;

/// <summary>The demo's story: a cloud, a few devices, one job; watch it; then look whether it is true.</summary>
internal sealed class DemoRun(DemoOptions options, TimeProvider time, IDemoScreen screen)
{
    public static async Task<int> RunAsync(DemoOptions options, TimeProvider time, CancellationToken stop)
    {
        await using var screen = DemoScreen.For(options);
        try
        {
            var report = await new DemoRun(options, time, screen).RunAsync(stop);
            await screen.DisposeAsync();
            report.Print(options.Json);
            return report.Failed == 0 ? ExitCode.Done : ExitCode.PartFailed;
        }
        catch (DemoFailedException failure)
        {
            await screen.DisposeAsync();
            Console.Error.WriteLine($"keyturn demo: {failure.Message}");
            Console.Error.WriteLine("Everything that was started has been ended. Run it again with --logs DIR to keep every log.");
            return ExitCode.PartFailed;
        }
    }

    private async Task<DemoReport> RunAsync(CancellationToken stop)
    {
        var started = time.GetTimestamp();
        using var workspace = new DemoWorkspace(options.Logs);
        await using var stage = new DemoStage(options, workspace, time);

        screen.Say("starting the cloud, with the stack deployed");
        var cloud = await stage.StartCloudAsync(stop);

        screen.Say($"provisioning and starting {options.Devices} core devices" + (options.Store == "file" ? "" : $", their keys in a token of their own ({options.Store})"));
        var devices = await stage.StartDevicesAsync(cloud, options.Devices, stop);

        using var fleet = new FleetApi(cloud);
        var before = new Dictionary<string, string>();
        foreach (var device in devices)
            before[device.Thing] = device.ReadCertificateId();

        var jobId = "rotate-" + Guid.NewGuid().ToString("N")[..8];
        screen.Say($"creating the job {jobId} from the template AWSLabsCertificateRotator");
        await fleet.CreateRotationJobAsync(jobId, devices.Select(device => device.Thing), stop);

        var watched = await new RotationWatch(fleet, time, screen).WatchAsync(jobId, devices, options.Patience, stop);

        screen.Say("looking at every device and at the registry");
        var check = new CredentialCheck(fleet, cloud, time);
        var outcomes = await Task.WhenAll(watched.Select(rotation => check.CheckAsync(rotation, before[rotation.Device.Thing], stop)));
        return new DemoReport(outcomes, time.GetElapsedTime(started));
    }
}

/// <summary>A directory of our own that goes when we go.</summary>
internal sealed class DemoWorkspace : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("keyturn-demo-").FullName;
    private readonly string? logs;

    public DemoWorkspace(string? logs)
    {
        if (logs is not null)
            Directory.CreateDirectory(logs);
        this.logs = logs;
        Directory.CreateDirectory(Path.Combine(directory, "logs"));
    }

    public string DirectoryOf(string name) => Path.Combine(directory, name);

    public string LogOf(string name) => Path.Combine(logs ?? Path.Combine(directory, "logs"), name + ".log");

    public void Dispose()
    {
        if (logs is not null)
            KeepDeviceLogs(logs);
        Directory.Delete(directory, recursive: true);
    }

    private void KeepDeviceLogs(string target)
    {
        foreach (var file in Directory.EnumerateFiles(directory, "*.log", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(directory, file).Replace(Path.DirectorySeparatorChar, '.');
            File.Copy(file, Path.Combine(target, name), overwrite: true);
        }
    }
}
