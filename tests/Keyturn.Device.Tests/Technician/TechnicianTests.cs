using System.Text.Json;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Technician;
using Keyturn.Device.Tests.Driver;
using Keyturn.Simulation;

namespace Keyturn.Device.Tests.Technician;

public sealed class TechnicianTests : IAsyncDisposable
{
    private readonly DeviceRig _rig = new();
    private readonly StringWriter _output = new();
    private readonly List<string> _systemctl = [];
    private string? _refusal;

    public TechnicianTests()
    {
        Directory.CreateDirectory(Path.Combine(_rig.Root, "config"));
        File.WriteAllText(
            Path.Combine(_rig.Root, "config", "effectiveConfig.yaml"),
            $"system:\n  thingName: pump1\n  privateKeyPath: {_rig.KeyPath}\n  certificateFilePath: {_rig.CertificatePath}\n");
    }

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task Status_before_any_rotation_describes_the_plain_files_and_makes_nothing()
    {
        Directory.Delete(new StateDirectories(_rig.Root).Top, recursive: true);

        Assert.Equal(0, await Commands().StatusAsync(asJson: true, TestContext.Current.CancellationToken));

        var status = Json();
        Assert.Equal("pump1", status.GetProperty("thing").GetString());
        Assert.Equal("Idle", status.GetProperty("journal").GetProperty("state").GetString());
        Assert.Equal(_rig.CertificateId, status.GetProperty("credential").GetProperty("certificateId").GetString());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("credential").GetProperty("name").ValueKind);
        Assert.True(status.GetProperty("credential").GetProperty("isComplete").GetBoolean());
        Assert.False(Directory.Exists(new StateDirectories(_rig.Root).Top));
    }

    [Fact]
    public async Task Status_says_what_recover_would_do_in_the_middle_of_a_switch()
    {
        await InterruptAsync<RotationState.Switching>();

        await Commands().StatusAsync(asJson: false, TestContext.Current.CancellationToken);

        Assert.Contains("Switching", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("gen-1", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("recover would    lead the nucleus's paths to gen-2", _output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recover_finishes_an_interrupted_switch_on_the_disk_and_leaves_the_journal_to_the_component()
    {
        await InterruptAsync<RotationState.Switching>();
        var old = _rig.CertificateId;

        Assert.Equal(0, await Commands().RecoverAsync(asJson: false, TestContext.Current.CancellationToken));

        Assert.NotEqual(old, _rig.CertificateId);
        Assert.True(_rig.HoldsMatchingPair);
        Assert.Contains("done: lead the nucleus's paths to gen-2", _output.ToString(), StringComparison.Ordinal);
        Assert.IsType<RotationState.Switching>(Journal().Load().State);

        // Another start in the nucleus that ran all along: it must not be taken for one that has read the new credential.
        _rig.StartComponent();
        await _rig.UntilRestAsync();
        Assert.Equal(1, _rig.Restarts);
        Assert.Equal("SUCCEEDED", _rig.Backend.Job!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task Recover_at_rest_changes_nothing()
    {
        var before = await File.ReadAllBytesAsync(_rig.KeyPath);
        Assert.Equal(0, await Commands().RecoverAsync(asJson: false, TestContext.Current.CancellationToken));
        Assert.DoesNotContain("done:", _output.ToString(), StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(_rig.KeyPath));
    }

    [Fact]
    public async Task Both_refuse_while_another_process_holds_the_lock()
    {
        using var held = Journal().Enter();
        foreach (var command in (Func<Task<int>>[])[() => Commands().StatusAsync(false, default), () => Commands().RecoverAsync(false, default)])
        {
            var running = command();
            while (!running.IsCompleted)
            {
                _rig.Time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }
            Assert.Contains("another process", (await Assert.ThrowsAsync<CredentialException>(() => running)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/nowhere/greengrass", "/nowhere/greengrass is not a directory")]
    [InlineData("/proc", "Is --root the root of a provisioned Greengrass core?")]
    public async Task Both_refuse_a_root_that_is_none(string root, string reason)
    {
        var commands = new TechnicianCommands(root, new PosixFileSystem(), _rig.Time, _output, SystemctlAsync);
        Assert.Contains(reason, (await Assert.ThrowsAsync<CredentialException>(() => commands.StatusAsync(false, default))).Message, StringComparison.Ordinal);
        Assert.Contains(reason, (await Assert.ThrowsAsync<CredentialException>(() => commands.RecoverAsync(false, default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pair_that_does_not_match_is_reported_and_left_alone()
    {
        var other = new DeviceRig();
        await using (other)
        {
            await File.WriteAllTextAsync(_rig.KeyPath, other.OldKey);
            Assert.Equal(1, await Commands().StatusAsync(asJson: true, TestContext.Current.CancellationToken));
            Assert.Contains("is not the private key of", Json().GetProperty("credential").GetProperty("problem").GetString(), StringComparison.Ordinal);
            await Assert.ThrowsAsync<CredentialException>(() => Commands().RecoverAsync(asJson: false, TestContext.Current.CancellationToken));
            Assert.Equal(other.OldKey, await File.ReadAllTextAsync(_rig.KeyPath));
        }
    }

    [Fact]
    public async Task A_damaged_journal_stops_both()
    {
        await File.WriteAllTextAsync(Path.Combine(new StateDirectories(_rig.Root).Journal, "journal"), "nonsense");
        await Assert.ThrowsAsync<JournalUnreadableException>(() => Commands().StatusAsync(false, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<JournalUnreadableException>(() => Commands().RecoverAsync(asJson: false, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_watchdog_waits_half_an_hour_for_the_nucleus_and_then_goes_back()
    {
        await InterruptAsync<RotationState.Trial>();
        var @new = _rig.CertificateId;

        Assert.Equal(0, await Commands().WatchdogAsync(TestContext.Current.CancellationToken));
        Assert.Equal(@new, _rig.CertificateId);
        Assert.Empty(_systemctl);

        _rig.Time.Advance(Watchdog.Deadline);
        Assert.Equal(0, await Commands().WatchdogAsync(TestContext.Current.CancellationToken));
        Assert.NotEqual(@new, _rig.CertificateId);
        Assert.True(_rig.HoldsMatchingPair);
        Assert.Equal(["restart --no-block greengrass.service"], _systemctl);

        _rig.StartNucleus();
        await _rig.UntilRestAsync();
        Assert.Equal("FAILED", _rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Contains("did not come up", _rig.Backend.Job["statusDetails"]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.NotEqual(@new, _rig.CertificateId);
    }

    [Fact]
    public async Task The_watchdog_counts_the_time_of_this_boot_only_and_needs_no_clock()
    {
        await InterruptAsync<RotationState.Trial>();
        var entry = Journal().Load();
        var boot = new VirtualTime(DateTimeOffset.UnixEpoch);
        var later = new Journal(_rig.Files, new StateDirectories(_rig.Root).Journal, "boot-2", boot);

        Assert.Equal(TimeSpan.Zero, later.AgeOf(entry));
        boot.RunUntil(TimeSpan.FromMinutes(10));
        Assert.Equal(TimeSpan.FromMinutes(10), later.AgeOf(entry));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_watchdog_leaves_a_rotation_alone_that_is_at_rest_or_was_heard_of_since_the_switch(bool isAtRest)
    {
        if (!isAtRest)
        {
            await InterruptAsync<RotationState.Trial>();
            var trial = (RotationState.Trial)Journal().Load().State;
            Journal().Append(Journal().Load(), trial with { Reconnected = true });
        }
        _rig.Time.Advance(Watchdog.Deadline);
        var before = _rig.CertificateId;
        Assert.Equal(0, await Commands().WatchdogAsync(TestContext.Current.CancellationToken));
        Assert.Equal(before, _rig.CertificateId);
        Assert.Empty(_systemctl);
        Assert.Contains("nothing to watch", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_watchdog_says_what_to_do_when_systemd_does_not_restart_the_nucleus()
    {
        await InterruptAsync<RotationState.Trial>();
        _rig.Time.Advance(Watchdog.Deadline);
        _refusal = "systemctl restart failed: no such unit";
        var e = await Assert.ThrowsAsync<CredentialException>(() => Commands().WatchdogAsync(TestContext.Current.CancellationToken));
        Assert.Contains("restart Greengrass by hand", e.Message, StringComparison.Ordinal);
        Assert.IsType<RotationState.Aborting>(Journal().Load().State);
    }

    [Fact]
    public async Task On_nucleus_lite_all_three_find_the_core_by_its_files_and_the_watchdog_restarts_its_daemons()
    {
        var lite = Path.Combine(_rig.Root, "etc");
        Directory.CreateDirectory(lite);
        File.WriteAllText(Path.Combine(lite, "config.yaml"), $"system:\n  rootPath: {_rig.Root}\n  thingName: pump1\n  rootCaPath: /ca.pem\n  privateKeyPath: {_rig.KeyPath}\n  certificateFilePath: {_rig.CertificatePath}\n");
        Directory.Delete(Path.Combine(_rig.Root, "config"), recursive: true);
        await InterruptAsync<RotationState.Trial>();
        var commands = new TechnicianCommands(_rig.Root, _rig.Files, _rig.Time, _output, SystemctlAsync, lite);

        Assert.Equal(0, await commands.StatusAsync(asJson: false, TestContext.Current.CancellationToken));
        Assert.Equal(0, await commands.RecoverAsync(asJson: false, TestContext.Current.CancellationToken));
        Assert.Empty(_systemctl);
        _rig.Time.Advance(Watchdog.Deadline);
        Assert.Equal(0, await commands.WatchdogAsync(TestContext.Current.CancellationToken));

        Assert.Equal("restart --no-block ggl.core.iotcored.service ggl.core.gg-fleet-statusd.service", Assert.Single(_systemctl));
        Assert.Contains("pump1", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("went back to gen-1", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recover_tells_programs_what_it_did()
    {
        await InterruptAsync<RotationState.Switching>();
        Assert.Equal(0, await Commands().RecoverAsync(asJson: true, TestContext.Current.CancellationToken));
        Assert.Equal("lead the nucleus's paths to gen-2", Assert.Single(Json().GetProperty("done").EnumerateArray()).GetString());
        Assert.Equal(_rig.CertificateId, Json().GetProperty("certificateId").GetString());
        Assert.Equal("Switching", Json().GetProperty("state").GetString());
    }

    /// <summary>Ends the component where the journal says so, before it does what the journal says.</summary>
    private async Task InterruptAsync<TState>() where TState : RotationState
    {
        _rig.Backend.Queue("job-1");
        var asked = false;
        _rig.RestartOutcome = () =>
        {
            asked = true;
            return "not now";
        };
        _rig.StartNucleus();
        await _rig.UntilAsync(() => _rig.Driver.State is RotationState.Trial && asked);
        await _rig.StopAsync();
        _rig.RestartOutcome = () => null;
        var directories = new StateDirectories(_rig.Root);
        var trial = (RotationState.Trial)Journal().Load().State;
        if (typeof(TState) == typeof(RotationState.Trial))
        {
            new Journal(_rig.Files, directories.Journal, Component.BootId, _rig.Time).Append(Journal().Load(), trial with { Attempt = trial.Attempt + 1 });
            return;
        }
        Journal().Append(Journal().Load(), new RotationState.Switching(trial.Rotation, 1));
        File.Delete(Path.Combine(directories.Credentials, "current"));
        File.CreateSymbolicLink(Path.Combine(directories.Credentials, "current"), trial.Rotation.Old);
        Assert.IsType<TState>(Journal().Load().State);
    }

    private Task<string?> SystemctlAsync(string[] command, CancellationToken cancellation)
    {
        _systemctl.Add(string.Join(' ', command));
        return Task.FromResult(_refusal);
    }

    private TechnicianCommands Commands() => new(_rig.Root, _rig.Files, _rig.Time, _output, SystemctlAsync);

    private Journal Journal() => new(_rig.Files, new StateDirectories(_rig.Root).Journal, "boot-1", _rig.Time);

    private JsonElement Json() => JsonDocument.Parse(_output.ToString()).RootElement;
}
