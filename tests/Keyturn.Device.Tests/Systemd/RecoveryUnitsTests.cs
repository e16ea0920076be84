using System.Diagnostics;
using Keyturn.Device.Storage;
using Keyturn.Device.Systemd;
using Keyturn.Device.Tests.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Systemd;

public sealed class RecoveryUnitsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _commands = [];
    private readonly StringWriter _log = new();
    private string? _refusal;
    private Task _systemd = Task.CompletedTask;

    public RecoveryUnitsTests()
    {
        Directory.CreateDirectory(Path.Combine(Machine, "run/systemd/system"));
        Directory.CreateDirectory(UnitDirectory);
        Directory.CreateDirectory(Root);
        new StateDirectories(Root).Ensure(new PosixFileSystem());
        File.WriteAllText(_directory.Combine("component"), new string('x', 200_000));
    }

    private string Machine => _directory.Combine("machine");

    private string UnitDirectory => Path.Combine(Machine, "etc/systemd/system");

    private string Root => _directory.Combine("greengrass");

    private string Copy => Path.Combine(Root, "certificate-rotator/bin/certificate-rotator");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Installing_twice_is_as_good_as_once_and_removing_leaves_nothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "units are root's");
        var units = Units();
        await units.InstallAsync(default);
        await units.InstallAsync(default);

        Assert.Equal([UnitFiles.Recovery, UnitFiles.Watchdog, UnitFiles.Timer], Directory.EnumerateFileSystemEntries(UnitDirectory).Select(p => Path.GetFileName(p)).Order());
        Assert.Equal(File.ReadAllText(_directory.Combine("component")), File.ReadAllText(Copy));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Copy));
        Assert.Equal(["daemon-reload", $"enable {UnitFiles.Recovery} {UnitFiles.Timer}", $"start {UnitFiles.Timer}"], _commands.Take(3));
        Assert.Contains(" 60 ", _log.ToString(), StringComparison.Ordinal);

        _commands.Clear();
        await units.RemoveAsync(default);
        Assert.Empty(Directory.EnumerateFileSystemEntries(UnitDirectory));
        Assert.False(File.Exists(Copy));
        Assert.Equal("daemon-reload", _commands[^1]);

        _commands.Clear();
        await units.RemoveAsync(default);
        Assert.Empty(_commands);
    }

    [Fact]
    public async Task What_systemctl_refuses_is_reported_and_no_failure()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "units are root's");
        _refusal = "systemctl enable failed: no";
        await Units().InstallAsync(default);
        await Units().RemoveAsync(default);
        Assert.Contains("Nothing looks after this rotation while Greengrass does not run: systemctl enable failed: no", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_systemd_or_a_place_to_write_nothing_is_installed_and_the_reason_told()
    {
        Directory.Delete(Path.Combine(Machine, "run"), recursive: true);
        await Units().InstallAsync(default);
        Assert.Contains("systemd does not run this machine", _log.ToString(), StringComparison.Ordinal);
        Assert.Empty(_commands);

        Directory.CreateDirectory(Path.Combine(Machine, "run/systemd/system"));
        Directory.Delete(UnitDirectory);
        await Units().InstallAsync(default);
        Assert.Equal(2, _log.ToString().Split('\n').Count(l => l.Contains("The rotation goes on without", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_removal_that_systemd_is_slow_at_takes_nothing_of_the_next_rotation_away()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "units are root's");
        var units = Units();
        await units.InstallAsync(default);
        var slow = new TaskCompletionSource();
        _systemd = slow.Task;
        var removal = units.RemoveAsync(default);
        var next = units.InstallAsync(default);
        _systemd = Task.CompletedTask;
        slow.SetResult();
        await removal;
        await next;
        Assert.Equal(3, Directory.EnumerateFileSystemEntries(UnitDirectory).Count());
        Assert.True(File.Exists(Copy));
        Assert.Equal($"start {UnitFiles.Timer}", _commands[^1]);
    }

    [Fact]
    public async Task A_disk_that_fails_while_it_is_asked_whether_units_can_be_there_stops_no_rotation()
    {
        var files = new HinderedFileSystem(new PosixFileSystem(), hasLinks: true) { BeforeStatus = path => throw new IOException($"{path}: no answer") };
        await Units(files).InstallAsync(default);
        Assert.Contains("The rotation goes on without", _log.ToString(), StringComparison.Ordinal);
        Assert.Empty(_commands);
    }

    [Theory]
    [InlineData("/greengrass/v2", true)]
    [InlineData("/opt/green grass", false)]
    [InlineData("/opt/%i", false)]
    [InlineData("/opt/$x", false)]
    [InlineData("/opt/a\nExecStart=/bin/sh", false)]
    public void Only_plain_paths_go_into_a_unit_file(string path, bool can) => Assert.Equal(can, UnitFiles.CanName(path));

    [Fact]
    public async Task The_units_pass_systemds_own_check_and_nothing_requires_them()
    {
        if (!File.Exists("/usr/bin/systemd-analyze"))
            Assert.Skip("systemd is not installed");
        // The check wants executables that are there, and the unit that is named.
        var executable = "/bin/true";
        foreach (var (name, text) in UnitFiles.All(executable, "/greengrass/v2", "/greengrass/v2/certificate-rotator/journal/journal"))
        {
            File.WriteAllText(_directory.Combine(name), text);
            Assert.DoesNotContain("Requires", text, StringComparison.Ordinal);
        }
        using var check = Process.Start(new ProcessStartInfo(
            "systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", _directory.Combine(UnitFiles.Recovery), _directory.Combine(UnitFiles.Watchdog), _directory.Combine(UnitFiles.Timer)])
        { RedirectStandardError = true })!;
        var said = await check.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await check.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain("certificate-rotator", said, StringComparison.Ordinal);
        Assert.Equal(0, check.ExitCode);
    }

    private RecoveryUnits Units(IFileSystem? files = null) => new(
        Root, files ?? new PosixFileSystem(), _directory.Combine("component"), async (command, _) =>
        {
            _commands.Add(string.Join(' ', command));
            await _systemd;
            return _refusal;
        }, new RotationLog(_log, new FakeTimeProvider(), "pump1", LogLevel.Information), Machine);
}
