using System.Text.Json;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// The real executable, ended by SIGKILL in each state that its journal goes through, alone and with the whole core. Nothing in it helps: strace holds it
/// for a moment after each rename(2), and a shell beside it reads the journal and strikes.
/// </summary>
public sealed class Killed
{
    /// <summary>What to look for in the journal, and who dies then. Before the nucleus is seen to be a younger one, it is the whole core.</summary>
    private static readonly (string State, string Victim)[] Strikes =
    [
        ("\"Keyed\"", "component"), ("\"Issued\"", "core"), ("\"Proven\"", "component"), ("\"Switching\"", "component"), ("\"Switching\"", "core"),
        ("\"Trial\".*\"Reconnected\":false", "core"), ("\"Trial\".*\"Reconnected\":true", "component"), ("\"Committing\"", "core"), ("\"Committed\"", "component"),
        ("\"Idle\".*rotated", "core"),
    ];

    [Fact]
    public async Task In_any_state_of_the_journal_the_rotation_still_ends_with_the_new_credential()
    {
        await using var fleet = await LocalFleet.StartAsync();
        fleet.Expect("exited with 137");
        var devices = new List<(DemoDevice Device, string Old, string Victim, ToolProcess Core)>();
        foreach (var (state, victim) in Strikes)
        {
            var device = await fleet.ProvisionAsync($"gateway-{devices.Count}");
            var old = device.ReadCertificateId();
            devices.Add((device, old, victim, await StartAsync(fleet, device, device.Thing, WriteStriker(fleet, device, state, victim))));
        }
        await fleet.CreateRotationJobAsync("rotate", devices.Select(d => d.Device.Thing));
        await Task.WhenAll(devices.Where(d => d.Victim == "core").Select(d => StartAgainAsync(fleet, d.Device, d.Core)));

        Assert.All(await EndsAsync(fleet, "rotate", devices.Count), end => Assert.EndsWith(" SUCCEEDED", end, StringComparison.Ordinal));
        foreach (var (device, old, _, _) in devices)
        {
            Assert.True(File.Exists(Struck(device)), $"{device.Thing} was never struck");
            using var credential = device.ReadCredential();
            Assert.True(credential.HasPrivateKey);
            Assert.NotEqual(old, device.ReadCertificateId());
        }
    }

    private static string Struck(DemoDevice device) => Path.Combine(device.Root, "struck");

    /// <summary>The component as the core sees it. It strikes once.</summary>
    private static string WriteStriker(LocalFleet fleet, DemoDevice device, string state, string victim)
    {
        var directory = Directory.CreateDirectory(fleet.DirectoryOf(device.Thing + ".striker")).FullName;
        var script = Path.Combine(directory, "certificate-rotator");
        File.WriteAllText(script, $$"""
            #!/bin/bash
            real='{{Tools.All.Component}}' struck='{{Struck(device)}}' journal='{{device.Root}}/certificate-rotator/journal/journal' state='{{state}}'
            [[ ! -e $struck ]] || exec "$real" "$@"
            nucleus=$PPID
            strace -f --seccomp-bpf -o /dev/null -e trace=rename -e inject=rename:delay_exit=250000 "$real" "$@" &
            tracer=$!
            trap 'pkill -TERM -P $tracer' TERM
            # Ten of these look at once, so none starts a process for it. Nobody writes into the pipe: to read from it is to wait.
            exec {pipe}<> <(:)
            entry=
            while kill -0 $tracer 2>/dev/null; do
              { read -r -d '' entry <"$journal"; } 2>/dev/null
              if [[ $entry =~ $state ]]; then
                : >"$struck"
                pkill -KILL -P $tracer
                if [[ {{victim}} == core ]]; then
                  kill -KILL "$(ps -o ppid= -p $nucleus)" $nucleus
                fi
                exit 137
              fi
              read -r -t 0.02 -u $pipe
            done
            wait $tracer
            """);
#pragma warning disable CA1416 // The component that is started here is the one for Linux.
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        return script;
    }

    /// <summary>As soon as the core has been killed.</summary>
    private static async Task StartAgainAsync(LocalFleet fleet, DemoDevice device, ToolProcess core)
    {
        await Assert.ThrowsAsync<DemoFailedException>(() => core.CompletedAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken));
        await StartAsync(fleet, device, device.Thing + ".again", Tools.All.Component);
    }

    private static async Task<ToolProcess> StartAsync(LocalFleet fleet, DemoDevice device, string name, string component)
    {
        var core = fleet.Run(name, Tools.All.LocalCore, ["--root", device.Root, "--component-executable", component, "--recipe", Tools.All.Recipe]);
        await core.ReadyAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        return core;
    }

    private static async Task<List<string>> EndsAsync(LocalFleet fleet, string jobId, int count)
    {
        for (var attempt = 0; attempt < 120; attempt++)
        {
            var answer = await fleet.Aws.JsonAsync("iot", "list-job-executions-for-job", "--job-id", jobId);
            var ends = answer.GetProperty("executionSummaries").EnumerateArray().Select(End).ToList();
            if (ends.Count == count && !ends.Exists(e => e.EndsWith(" QUEUED", StringComparison.Ordinal) || e.EndsWith(" IN_PROGRESS", StringComparison.Ordinal)))
                return ends;
            await Task.Delay(1000, TestContext.Current.CancellationToken);
        }
        throw new TimeoutException($"{jobId} is not over on every device");
    }

    private static string End(JsonElement execution) =>
        $"{execution.GetProperty("thingArn").GetString()!.Split('/')[^1]} {execution.GetProperty("jobExecutionSummary").GetProperty("status").GetString()}";
}
