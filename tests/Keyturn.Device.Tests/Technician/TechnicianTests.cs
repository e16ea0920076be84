using System.Text.Json;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Technician;
using Keyturn.Device.Tests.Driver;

namespace Keyturn.Device.Tests.Technician;

public sealed class TechnicianTests : IAsyncDisposable
{
    private readonly DeviceRig _rig = new();
    private readonly StringWriter _output = new();

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

        Assert.Equal(0, await Commands().RecoverAsync(TestContext.Current.CancellationToken));

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
        Assert.Equal(0, await Commands().RecoverAsync(TestContext.Current.CancellationToken));
        Assert.DoesNotContain("done:", _output.ToString(), StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(_rig.KeyPath));
    }

    [Fact]
    public async Task Both_refuse_while_another_process_holds_the_lock()
    {
        using var held = Journal().Enter();
        foreach (var command in (Func<Task<int>>[])[() => Commands().StatusAsync(false, default), () => Commands().RecoverAsync(default)])
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
        var commands = new TechnicianCommands(root, new PosixFileSystem(), _rig.Time, _output);
        Assert.Contains(reason, (await Assert.ThrowsAsync<CredentialException>(() => commands.StatusAsync(false, default))).Message, StringComparison.Ordinal);
        Assert.Contains(reason, (await Assert.ThrowsAsync<CredentialException>(() => commands.RecoverAsync(default))).Message, StringComparison.Ordinal);
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
            await Assert.ThrowsAsync<CredentialException>(() => Commands().RecoverAsync(TestContext.Current.CancellationToken));
            Assert.Equal(other.OldKey, await File.ReadAllTextAsync(_rig.KeyPath));
        }
    }

    [Fact]
    public async Task A_damaged_journal_stops_both()
    {
        await File.WriteAllTextAsync(Path.Combine(new StateDirectories(_rig.Root).Journal, "journal"), "nonsense");
        await Assert.ThrowsAsync<JournalUnreadableException>(() => Commands().StatusAsync(false, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<JournalUnreadableException>(() => Commands().RecoverAsync(TestContext.Current.CancellationToken));
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
        Journal().Append(Journal().Load(), new RotationState.Switching(trial.Rotation, 1));
        File.Delete(Path.Combine(directories.Credentials, "current"));
        File.CreateSymbolicLink(Path.Combine(directories.Credentials, "current"), trial.Rotation.Old);
        Assert.IsType<TState>(Journal().Load().State);
    }

    private TechnicianCommands Commands() => new(_rig.Root, _rig.Files, _rig.Time, _output);

    private Journal Journal() => new(_rig.Files, new StateDirectories(_rig.Root).Journal, "boot-1", _rig.Time);

    private JsonElement Json() => JsonDocument.Parse(_output.ToString()).RootElement;
}
