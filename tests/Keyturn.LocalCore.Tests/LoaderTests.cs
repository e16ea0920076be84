using System.Diagnostics;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Tests.Support;

namespace Keyturn.LocalCore.Tests;

/// <summary>Loader, nucleus and component as the processes they are.</summary>
public sealed class LoaderTests : IAsyncLifetime
{
    private readonly TestAuthority authority = new();
    private readonly TestCore core;

    public LoaderTests() => core = new(authority, mqttPort: 1);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await core.DisposeAsync();
        authority.Dispose();
    }

    [Fact]
    public async Task A_component_finds_classics_environment_and_work_directory()
    {
        await core.StartAsync("--component", "env; pwd; echo problem >&2; echo end; exec sleep 60");
        await Patience.UntilAsync(
            () => ComponentLog.Contains("stdout. end", StringComparison.Ordinal) && ComponentLog.Contains("problem", StringComparison.Ordinal), "the component's output");

        Assert.Contains($"AWS_IOT_THING_NAME={core.Thing}\n", ComponentLog, StringComparison.Ordinal);
        Assert.Contains("AWS_REGION=us-east-1\n", ComponentLog, StringComparison.Ordinal);
        Assert.Contains($"GG_ROOT_CA_PATH={core.Root}/rootCA.pem\n", ComponentLog, StringComparison.Ordinal);
        Assert.Contains($"{ComponentEnvironment.SocketVariable}={core.Root}/ipc.socket\n", ComponentLog, StringComparison.Ordinal);
        Assert.Matches("SVCUID=[A-Z0-9]{16}\n", ComponentLog);
        Assert.Contains("GGC_VERSION=2.", ComponentLog, StringComparison.Ordinal);
        Assert.Contains($"stdout. {Path.Combine(core.Root, "work", Recipe.DefaultComponent)}\n", ComponentLog, StringComparison.Ordinal);
        Assert.Contains("[WARN] (com.example.Component) stderr. problem", ComponentLog, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_the_loader_ends_everything_within_a_second()
    {
        // A component that ignores SIGTERM, with a child that left its parent.
        await core.StartAsync("--component", "trap '' TERM; (sleep 60 & ) ; echo up; while :; do sleep 1; done");
        await Patience.UntilAsync(() => ComponentLog.Contains("up", StringComparison.Ordinal), "the component");
        var all = ProcessTree.DescendantsOf(core.LoaderId);
        Assert.True(all.Count >= 3);

        var took = await core.StopAsync();

        Assert.True(took < TimeSpan.FromSeconds(1.2), $"took {took}");
        Assert.DoesNotContain(all, ProcessTree.IsAlive);
    }

    [Fact]
    public async Task A_loader_that_is_killed_takes_everything_with_it_all_the_same()
    {
        await core.StartAsync("--component", "trap '' TERM; echo up; while :; do sleep 1; done");
        await Patience.UntilAsync(() => ComponentLog.Contains("up", StringComparison.Ordinal), "the component");
        var nucleus = core.NucleusIds()[^1];
        var all = ProcessTree.DescendantsOf(nucleus).Append(nucleus).ToList();

        Posix.Signal(core.LoaderId, Posix.SigKill);

        await Patience.UntilAsync(() => !all.Any(ProcessTree.IsAlive), "the end of everything");
    }

    [Theory]
    [InlineData(Posix.SigTerm)]
    [InlineData(Posix.SigKill)]
    public async Task A_nucleus_that_ends_is_started_again_with_a_new_token(int signal)
    {
        await core.StartAsync("--component", "echo token $SVCUID; exec sleep 60");
        await Patience.UntilAsync(() => Tokens.Length == 1, "the first token");

        Posix.Signal(core.NucleusIds()[^1], signal);
        await core.ReadyAsync();
        await Patience.UntilAsync(() => Tokens.Length == 2, "the second token");

        Assert.Equal(2, core.NucleusIds().Distinct().Count());
        Assert.NotEqual(Tokens[0], Tokens[1]);
    }

    [Fact]
    public async Task The_nucleus_gives_a_component_time_to_end_by_itself()
    {
        await core.StartAsync("--component", "trap 'sleep 0.5; echo goodbye; exit 0' TERM; echo up; while :; do sleep 0.1; done");
        await Patience.UntilAsync(() => ComponentLog.Contains("up", StringComparison.Ordinal), "the component");

        Posix.Signal(core.NucleusIds()[^1], Posix.SigTerm);
        await core.ReadyAsync();

        Assert.Contains("goodbye", ComponentLog, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_loader_over_the_same_root_is_turned_away()
    {
        await core.StartAsync("--component", "exec sleep 60");

        var start = new ProcessStartInfo(TestCore.Executable, ["--root", core.Root, "--component", "true"]) { RedirectStandardError = true };
        using var second = Process.Start(start)!;
        var error = await second.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.StartsWith("local-core: another local-core runs the core in ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_component_that_exits_0_is_finished_until_the_nucleus_restarts()
    {
        await core.StartAsync("--component", "echo once");
        await Patience.UntilAsync(() => core.NucleusLog.Contains("newState=Finished", StringComparison.Ordinal), "FINISHED");
        await Task.Delay(800, TestContext.Current.CancellationToken);
        Assert.Single(Occurrences("stdout. once"));

        Posix.Signal(core.NucleusIds()[^1], Posix.SigTerm);
        await Patience.UntilAsync(() => Occurrences("stdout. once").Length == 2, "a second run");
    }

    [Fact]
    public async Task A_component_that_fails_three_times_is_broken()
    {
        await core.StartAsync("--component", "echo again; exit 3");
        await Patience.UntilAsync(() => core.NucleusLog.Contains("newState=Broken", StringComparison.Ordinal), "BROKEN");
        await Task.Delay(800, TestContext.Current.CancellationToken);

        Assert.Equal(3, Occurrences("stdout. again").Length);
    }

    [Fact]
    public async Task A_recipe_is_deployed_with_its_executable_and_variables()
    {
        var recipe = Path.Combine(core.Root, "recipe.yaml");
        var executable = Path.Combine(core.Root, "tool");
        await File.WriteAllTextAsync(executable, "#!/bin/sh\necho \"$0 with $@, $GREETING\"\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(executable, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(recipe, """
            RecipeFormatVersion: "2020-01-25"
            ComponentName: com.example.Tool
            ComponentVersion: 1.2.3
            ComponentConfiguration:
              DefaultConfiguration:
                greeting: hello
            Manifests:
              - Platform: { os: windows }
                Lifecycle: { Run: dir }
              - Platform: { os: linux }
                Artifacts:
                  - URI: s3://bucket/tool-linux.zip
                    Unarchive: ZIP
                Lifecycle:
                  Setenv: { GREETING: "{configuration:/greeting} {iot:thingName}" }
                  Run:
                    Script: exec {artifacts:decompressedPath}/tool-linux/tool --root {kernel:rootPath} {unknown:thing}
            """, TestContext.Current.CancellationToken);

        await core.StartAsync("--recipe", recipe, "--component-executable", executable);
        await Patience.UntilAsync(() => core.ReadLog("com.example.Tool").Length > 0, "the tool's output");

        Assert.Contains(
            $"{core.Root}/packages/artifacts-unarchived/com.example.Tool/1.2.3/tool-linux/tool with --root {core.Root} {{unknown:thing}}, hello {core.Thing}",
            core.ReadLog("com.example.Tool"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_root_too_deep_for_a_socket_address_gets_a_relative_path()
    {
        var deep = Path.Combine(core.Root, new string('d', 120));
        Directory.CreateDirectory(deep);

        Assert.Equal("../../ipc.socket", ComponentEnvironment.SocketPath(deep));
        Assert.Equal("/greengrass/v2/ipc.socket", ComponentEnvironment.SocketPath("/greengrass/v2"));
        await Task.CompletedTask;
    }

    private string ComponentLog => core.ReadLog(Recipe.DefaultComponent);

    private string[] Tokens => [.. Occurrences("stdout. token ")];

    private string[] Occurrences(string text) =>
        [.. ComponentLog.Split('\n').Where(l => l.Contains(text, StringComparison.Ordinal)).Select(l => l.Split(") ")[1])];
}
