using System.Diagnostics;

namespace Keyturn.Infrastructure.Tests;

/// <summary>The scripts around packaging, in a small copy of the repository.</summary>
public sealed class ScriptTests : IDisposable
{
    private const string Component = "aws.greengrass.labs.CertificateRotator";

    private readonly string _root = Directory.CreateTempSubdirectory("keyturn-scripts-").FullName;

    public ScriptTests()
    {
        foreach (var file in (string[])["script/version", "script/gdk-build", "script/package", "script/environment", "src/Keyturn.Device/recipe.yaml", "gdk-config.json"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_root, file))!);
            File.Copy(Path.Combine(SynthesizedStacks.RepositoryRoot, file), Path.Combine(_root, file));
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Versions_are_from_git()
    {
        Git("init", "--quiet");
        Commit();
        Assert.Matches(@"\A[0-9]+\.[0-9]+\.[0-9]+-build\.1\n\z", Run("script/version").Output);
        Git("tag", "v2.0.9");
        Assert.Equal("2.0.9\n", Run("script/version").Output);
        Commit();
        Commit();
        Assert.Equal("2.0.10-build.2\n", Run("script/version").Output);
    }

    /// <summary>A test runner ends on a signal and leaves the processes of its tests; those deaf to it are ended too.</summary>
    [Theory]
    [InlineData("sleep 600 & sleep 600")]
    [InlineData("trap '' TERM; sleep 600 & trap - TERM; sleep 600")]
    public async Task A_signal_to_a_script_ends_whatever_it_started(string command)
    {
        var script = Path.Combine(_root, "script/waits");
        await File.WriteAllTextAsync(script, $"""
            source "{_root}/script/environment"
            supervise bash -c "echo begun; {command}"
            """, TestContext.Current.CancellationToken);
        using var process = Process.Start(new ProcessStartInfo("bash", [script]) { RedirectStandardOutput = true })!;
        Assert.Equal("begun", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);

        // Its end is that of the last process that could have written to it.
        Assert.Equal("", await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(143, process.ExitCode);
    }

    [Fact]
    public void Gdk_finds_recipe_and_archives_where_it_looks_for_them()
    {
        Directory.CreateDirectory(Path.Combine(_root, "artifacts/package"));
        string[] archives = ["certificate-rotator-linux-arm64.zip", "certificate-rotator-linux-x64.zip", "certificate-rotator-win-x64.zip"];
        foreach (var archive in (string[])[archives[0], archives[2]])
            File.WriteAllText(Path.Combine(_root, "artifacts/package", archive), "archive");
        var run = Run("script/gdk-build", "--packed");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(archives[1], run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "greengrass-build")));

        File.WriteAllText(Path.Combine(_root, "artifacts/package", archives[1]), "archive");
        run = Run("script/gdk-build", "--packed");
        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.True(File.Exists(Path.Combine(_root, "greengrass-build/recipes/recipe.yaml")));
        Assert.Equal(archives, Directory.EnumerateFiles(Path.Combine(_root, $"greengrass-build/artifacts/{Component}/2.0.0")).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("script/package", "linux-riscv64", "write linux-arm64, linux-x64 or win-x64")]
    [InlineData("script/sysroot", "riscv64", "write 'script/sysroot amd64'")]
    public void A_wrong_target_is_named_before_anything_is_done(string script, string target, string said)
    {
        var run = Run(Path.Combine(SynthesizedStacks.RepositoryRoot, script), target);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(said, run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_committed_is_not_compared_with_a_clone_of_what_is()
    {
        Git("init", "--quiet");
        Commit();
        var run = Run("script/package", "--check", "win-x64");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("commit first", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_platform_of_the_recipe_runs_what_its_archive_holds()
    {
        var packed = Run(Path.Combine(SynthesizedStacks.RepositoryRoot, "script/package"), "--list").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var manifests = File.ReadAllText(Path.Combine(_root, "src/Keyturn.Device/recipe.yaml")).Split("  - Platform:\n")[1..];
        var run = new List<string>();
        foreach (var manifest in manifests)
        {
            var (os, architecture) = (Value(manifest, "os"), Value(manifest, "architecture"));
            var target = $"{(os == "windows" ? "win" : os)}-{(architecture == "amd64" ? "x64" : "arm64")}";
            var (separator, program) = os == "windows" ? ('\\', "certificate-rotator.exe") : ('/', "certificate-rotator");
            // An archive is unpacked into a directory of its name.
            Assert.Contains($"{{artifacts:decompressedPath}}{separator}certificate-rotator-{target}{separator}{program} run --root {{kernel:rootPath}}", Value(manifest, "Script"), StringComparison.Ordinal);
            Assert.EndsWith($"/certificate-rotator-{target}.zip", Value(manifest, "- Uri"), StringComparison.Ordinal);
            Assert.Equal("true", Value(manifest, "RequiresPrivilege"));
            run.Add($"certificate-rotator-{target}.zip {program}");
        }
        Assert.Equal(packed.Order(), run.Order());
    }

    private static string Value(string manifest, string name) =>
        manifest.Split('\n').Select(line => line.Trim()).Single(line => line.StartsWith($"{name}: ", StringComparison.Ordinal))[(name.Length + 2)..];

    private void Commit() =>
        Git("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "commit", "--quiet", "--allow-empty", "--message", "A change");

    private void Git(params string[] arguments)
    {
        var run = Run("git", arguments);
        Assert.True(run.ExitCode == 0, run.Errors);
    }

    private (int ExitCode, string Output, string Errors) Run(string program, params string[] arguments)
    {
        var path = program.StartsWith("script/", StringComparison.Ordinal) ? Path.Combine(_root, program) : program;
        using var process = Process.Start(new ProcessStartInfo(path, arguments) { WorkingDirectory = _root, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
