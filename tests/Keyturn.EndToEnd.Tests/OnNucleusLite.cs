using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// The component on nucleus lite's daemons, without systemd: LocalCore's loader restarts what ends, and a script of this test's is the <c>systemctl</c> that
/// the component finds. script/prove-systemd does it under the real one.
/// </summary>
public sealed class OnNucleusLite
{
    private const string MqttDaemon = "ggl.core.iotcored.service", StatusDaemon = "ggl.core.gg-fleet-statusd.service", IpcDaemon = "ggl.core.ggipcd.service";
    private const string Component = $"ggl.{LocalFleet.Rotator}.service";

    [Fact]
    public async Task A_rotation_restarts_two_daemons_and_the_component_keeps_its_process_through_it_and_a_restart_of_the_third()
    {
        Assert.InRange(new FileInfo(Tools.All.Recipe).Length, 1, 16 * 1024);
        await using var fleet = await LocalFleet.StartAsync();
        var device = await StartAsync(fleet);
        var old = CertificateId(device);
        var started = UnitOf(device, Component);

        // Its token is void afterwards: it comes back by its name.
        await RestartAsync(device, IpcDaemon);
        await LocalFleet.RotatorSaysAsync(device, "Ready: subscribed", times: 2);
        var (mqtt, status, ipc) = (UnitOf(device, MqttDaemon), UnitOf(device, StatusDaemon), UnitOf(device, IpcDaemon));
        await fleet.CreateRotationJobAsync("rotate-1", device.Thing);
        var execution = await fleet.ExecutionEndAsync("rotate-1", device.Thing);

        Assert.Equal("SUCCEEDED", execution.GetProperty("status").GetString());
        Assert.NotEqual(old, CertificateId(device));
        Assert.Equal((started, ipc), (UnitOf(device, Component), UnitOf(device, IpcDaemon)));
        Assert.NotEqual(mqtt, UnitOf(device, MqttDaemon));
        Assert.NotEqual(status, UnitOf(device, StatusDaemon));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile(device)));
        Assert.Equal(0, (await fleet.NotificationsAsync()).GetArrayLength());

        var report = await Shell.RunAsync(Tools.All.Component, ["status", "--root", device.Root]);
        Assert.Contains("no file of nucleus lite in /etc/greengrass is of " + device.Root, report.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_nucleus_that_is_not_up_yet_is_waited_for_and_nothing_is_written_meanwhile()
    {
        var root = Directory.CreateTempSubdirectory("keyturn-lite-").FullName;
        var environment = new Dictionary<string, string> { ["AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"] = Path.Combine(root, "gg-ipc.socket") };

        await Assert.ThrowsAsync<TimeoutException>(() => Shell.RunAsync(Tools.All.Component, ["run", "--root", root], environment, TimeSpan.FromSeconds(3)));

        Assert.Empty(Directory.EnumerateFileSystemEntries(root));
        Directory.Delete(root);
    }

    [Fact]
    public async Task A_component_that_is_killed_while_the_daemon_restarts_goes_on_where_it_was()
    {
        await using var fleet = await LocalFleet.StartAsync();
        fleet.Expect("exited with 137");
        var device = await StartAsync(fleet);
        var (old, started) = (CertificateId(device), UnitOf(device, Component));
        await fleet.CreateRotationJobAsync("rotate-1", device.Thing);
        await LocalFleet.RotatorSaysAsync(device, "this component goes on");
        using (var victim = Process.GetProcessById(int.Parse(started.Split(' ')[0], CultureInfo.InvariantCulture)))
            victim.Kill();

        var execution = await fleet.ExecutionEndAsync("rotate-1", device.Thing);

        Assert.Equal("SUCCEEDED", execution.GetProperty("status").GetString());
        Assert.NotEqual(old, CertificateId(device));
        Assert.NotEqual(started, UnitOf(device, Component));
    }

    private static async Task<DemoDevice> StartAsync(LocalFleet fleet)
    {
        var device = await fleet.ProvisionAsync("gateway-01", "--nucleus", "lite");
        var directory = WriteSystemctl(fleet, device);
        var core = fleet.Run(
            device.Thing, "/usr/bin/env",
            [$"PATH={directory}:{Environment.GetEnvironmentVariable("PATH")}", Tools.All.LocalCore, "--root", device.Root, "--component-executable", Tools.All.Component, "--recipe", Tools.All.Recipe]);
        await core.ReadyAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await LocalFleet.RotatorSaysAsync(device, "Ready: subscribed");
        return device;
    }

    /// <summary>What systemd would do and say: whatever ends is started again by the loader, which writes down process and invocation.</summary>
    private static string WriteSystemctl(LocalFleet fleet, DemoDevice device)
    {
        var directory = Directory.CreateDirectory(fleet.DirectoryOf("systemctl")).FullName;
        var script = Path.Combine(directory, "systemctl");
        File.WriteAllText(script, $$"""
            #!/bin/sh
            cd '{{device.Root}}/run/units'
            case $1 in
              restart)
                before=$(cat "$2")
                kill "${before% *}"
                until [ "$(cat "$2")" != "$before" ]; do sleep 0.02; done ;;
              show)
                case $2 in
                  --property=LoadState) [ -e "$4" ] && echo loaded || echo not-found ;;
                  --property=InvocationID) cut -d ' ' -f 2 "$4" ;;
                  *) exit 1 ;;
                esac ;;
              *) exit 1 ;;
            esac
            """);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return directory;
    }

    private static async Task RestartAsync(DemoDevice device, string unit)
    {
        var before = UnitOf(device, unit);
        using (var daemon = Process.GetProcessById(int.Parse(before.Split(' ')[0], CultureInfo.InvariantCulture)))
            daemon.Kill();
        Assert.NotEqual(before, await LocalFleet.EventuallyAsync(() => Task.FromResult(UnitOf(device, unit)), now => now != before));
    }

    /// <summary>Its process and its invocation.</summary>
    private static string UnitOf(DemoDevice device, string unit) => File.ReadAllText(Path.Combine(device.Root, "run", "units", unit)).Trim();

    private static string KeyFile(DemoDevice device) => Path.Combine(device.Root, "credentials", "private.pem.key");

    private static string CertificateId(DemoDevice device)
    {
        using var pair = X509Certificate2.CreateFromPemFile(Path.Combine(device.Root, "credentials", "device.pem.crt"), KeyFile(device));
        return pair.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    }
}
