using System.Diagnostics;
using System.Globalization;

namespace Keyturn.Cli.Tests.Components;

/// <summary><c>keyturn component build</c> in a clone of its own, whose script/package does less.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class BuildTests : IDisposable
{
    private readonly string _clone = Directory.CreateTempSubdirectory("keyturn-clone-").FullName;
    private readonly string _program;

    public BuildTests()
    {
        File.WriteAllText(Path.Combine(_clone, "Keyturn.slnx"), "");
        _program = Directory.CreateDirectory(Path.Combine(_clone, "artifacts", "bin")).FullName;
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory))
            File.Copy(file, Path.Combine(_program, Path.GetFileName(file)));
    }

    public void Dispose() => Directory.Delete(_clone, recursive: true);

    [Theory]
    [InlineData("", "made:\n")]
    [InlineData(" --platform linux-arm64 --platform win-x64", "made: linux-arm64 win-x64\n")]
    [InlineData(" --platform linux-arm64 win-x64", "made: linux-arm64 win-x64\n")]
    public async Task The_packages_asked_for_are_made_and_what_the_script_says_is_shown(string options, string said)
    {
        Package("echo made: $*");
        var run = await BuildAsync(options);
        Assert.Equal((0, said, ""), (run.ExitCode, run.Output, run.Errors));
    }

    [Fact]
    public async Task A_script_that_fails_has_said_why()
    {
        Package("echo 'package: the disk is full' >&2; exit 7");
        var run = await BuildAsync();
        Assert.Equal((1, "package: the disk is full\n"), (run.ExitCode, run.Errors));
    }

    [Fact]
    public async Task Outside_a_clone_nothing_is_built()
    {
        var run = await BuildAsync();
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("nothing was built. Run this in a clone", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_ends_what_is_being_built()
    {
        var ids = Path.Combine(_clone, "ids");
        Package($"echo $$ $PPID >{ids}.new; mv {ids}.new {ids}; exec sleep 600");
        var building = BuildAsync();
        for (var attempt = 0; attempt < 6000 && !File.Exists(ids); attempt++)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        var (script, keyturn) = File.ReadAllText(ids).Trim().Split(' ') is [var a, var b] ? (int.Parse(a, CultureInfo.InvariantCulture), b) : default;
        using var packaging = Process.GetProcessById(script);
        using (var kill = Process.Start("kill", ["-TERM", keyturn]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);

        var run = await building.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.Equal(143, run.ExitCode);
        await packaging.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    private Task<KeyturnProcess> BuildAsync(string options = "") => KeyturnProcess.RunInAsync(_program, null, $"component build{options}".Split(' '));

    private void Package(string commands)
    {
        var script = Path.Combine(Directory.CreateDirectory(Path.Combine(_clone, "script")).FullName, "package");
        File.WriteAllText(script, $"#!/usr/bin/env bash\n{commands}\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
