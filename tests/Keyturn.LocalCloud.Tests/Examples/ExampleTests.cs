using System.Diagnostics;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Examples;

/// <summary>What docs/examples shows, run as a reader runs it: clients of other people, unmodified.</summary>
public sealed class ExampleTests(LocalCloudProcess cloud) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("example").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_AWS_CLI_and_mosquitto_make_a_device_that_hears_and_completes_a_job()
    {
        var output = await RunAsync(
            Path.Combine(Root, "docs", "examples", "cloud-cli", "walk.sh"), "example-cli", _directory, cloud.Api, cloud.Urls["mqtt"], cloud.Urls["root-ca"]);
        Assert.Equal(["example-cli-all", "hello from example-cli", "example-cli-1", "IN_PROGRESS", "COMPLETED"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task The_SDK_and_the_Device_SDK_for_JavaScript_run_a_job_each()
    {
        var example = await InstallAsync("cloud-js");
        var api = await RunAsync("node", Path.Combine(example, "api.js"), "example-js", _directory);
        Assert.Matches("^example-js has certificate [0-9a-f]{64}\nshadow version 1\n", api);
        Assert.EndsWith(
            """
            example-js-over-http is IN_PROGRESS: {"operation":"EXAMPLE"}
            example-js-over-http is COMPLETED
            true ResourceNotFoundException 404

            """, api, StringComparison.Ordinal);

        await cloud.Aws.RunAsync(
            "iot", "create-job", "--job-id", "example-js-over-mqtt", "--targets", "arn:aws:iot:us-east-1:012345678901:thing/example-js",
            "--document", """{"operation":"EXAMPLE"}""");
        var device = await RunAsync("node", Path.Combine(example, "device.js"), "example-js", _directory, cloud.Urls["mqtt"], cloud.Urls["root-ca"]);
        Assert.Equal(
            """
            connected
            example-js-over-mqtt is IN_PROGRESS: {"operation":"EXAMPLE"}
            SUCCEEDED, and nothing is next

            """, device);
    }

    private static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    private static string FindRoot(string directory) =>
        File.Exists(Path.Combine(directory, "Keyturn.slnx")) ? directory : FindRoot(Path.GetDirectoryName(directory.TrimEnd('/'))!);

    /// <summary>Installed once, beside the build's other products; again when the lock file changes.</summary>
    private async Task<string> InstallAsync(string name)
    {
        var (source, target) = (Path.Combine(Root, "docs", "examples", name), Path.Combine(Root, "artifacts", "examples", name));
        var installed = Path.Combine(target, "node_modules", ".installed-lock.json");
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(source))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
        var wanted = await File.ReadAllTextAsync(Path.Combine(source, "package-lock.json"));
        if (File.Exists(installed) && await File.ReadAllTextAsync(installed) == wanted)
            return target;
        await RunAsync("npm", "ci", "--prefix", target, "--no-audit", "--no-fund", "--prefer-offline");
        await File.WriteAllTextAsync(installed, wanted);
        return target;
    }

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in ((string, string)[])[
            ("AWS_ENDPOINT_URL", cloud.Api), ("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var (output, error) = (process.StandardOutput.ReadToEndAsync(patience.Token), process.StandardError.ReadToEndAsync(patience.Token));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {await error}");
        return await output;
    }
}
