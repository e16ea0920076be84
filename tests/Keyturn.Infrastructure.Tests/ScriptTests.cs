using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Keyturn.Infrastructure.Tests;

/// <summary>The scripts around packaging, in a small copy of the repository.</summary>
public sealed partial class ScriptTests : IDisposable
{
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
    public void Nothing_is_laid_out_for_Gdk_while_an_archive_is_missing()
    {
        Directory.CreateDirectory(Path.Combine(_root, "artifacts/package"));
        foreach (var archive in (string[])["certificate-rotator-linux-arm64.zip", "certificate-rotator-win-x64.zip"])
            File.WriteAllText(Path.Combine(_root, "artifacts/package", archive), "archive");
        var run = Run("script/gdk-build", "--packed");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("certificate-rotator-linux-x64.zip", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "greengrass-build")));
    }

    /// <summary>
    /// <c>gdk component build</c> and the beginning of <c>gdk component publish</c>, step by step as GDK 1.6.2 goes: all from the directory of gdk-config.json.
    /// The command is the configured one; that it packs takes minutes, so files stand in for what it would pack.
    /// </summary>
    [Fact]
    public void Gdk_finds_the_recipe_builds_as_configured_and_has_what_it_publishes()
    {
        foreach (var beside in new DirectoryInfo(SynthesizedStacks.RepositoryRoot).EnumerateFiles("recipe.*"))
        {
            if (beside.LinkTarget is { } target)
                File.CreateSymbolicLink(Path.Combine(_root, beside.Name), target);
            else
                beside.CopyTo(Path.Combine(_root, beside.Name));
        }

        var packed = Run("script/package", "--list").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]);
        File.WriteAllText(Path.Combine(_root, "script/package"), $"""
            #!/usr/bin/env bash
            mkdir -p artifacts/package && cd artifacts/package && touch {string.Join(' ', packed)}
            """);

        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(_root, "gdk-config.json")))!;
        var (name, component) = Assert.Single(configuration["component"]!.AsObject());
        var found = Assert.Single(((string[])["recipe.json", "recipe.yaml"]).Select(recipe => Path.Combine(_root, recipe)), File.Exists);
        // Through the link: the name under which the built recipe is looked for is that of what it leads to.
        var recipeName = Path.GetFileName(File.ResolveLinkTarget(found, returnFinalTarget: true)?.FullName ?? found);
        var artifacts = Path.Combine(_root, "greengrass-build/artifacts", name, component!["version"]!.ToString());
        var recipes = Path.Combine(_root, "greengrass-build/recipes");
        Directory.CreateDirectory(artifacts);
        Directory.CreateDirectory(recipes);

        Assert.Equal("custom", component["build"]!["build_system"]!.ToString());
        var command = component["build"]!["custom_build_command"]!.AsArray().Select(word => word!.ToString()).ToArray();
        var run = Run(command[0], command[1..]);
        Assert.True(run.ExitCode == 0, run.Errors);

        var built = File.ReadAllText(Path.Combine(recipes, recipeName));
        Assert.Equal(File.ReadAllText(found), built);
        Assert.Equal(name, Value(built, "ComponentName"));
        var named = Uri().Matches(built).Select(uri => Path.GetFileName(uri.Groups[1].Value)).ToArray();
        Assert.NotEmpty(named);
        Assert.Equal(named.Order(), Directory.EnumerateFiles(artifacts).Select(Path.GetFileName).Order());
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

    [GeneratedRegex(@"- Uri: (s3://\S+)")]
    private static partial Regex Uri();
}
