using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Storage;
using Keyturn.Device.Windows;

namespace Keyturn.Device.Tests.Windows;

/// <summary>What Windows needs and any system can run: the rest is in docs/windows.md.</summary>
public sealed class WindowsTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(WindowsAccess.OwnFile, true, 0x180u)]
    // As Windows gives it back.
    [InlineData("O:BAD:PAI(A;;FA;;;SY)(A;;FA;;;BA)", true, 0x180u)]
    [InlineData("O:S-1-5-18D:P(A;;0x1f01ff;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)", true, 0x180u)]
    // Inherited from C:\: users read, authenticated users change.
    [InlineData("O:BAD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)", true, 0x1A4u)]
    [InlineData("O:BAD:AI(A;ID;FA;;;BA)(A;ID;0x1301bf;;;AU)", true, 0x1B6u)]
    [InlineData("O:SYD:(A;;FR;;;WD)", true, 0x1A4u)]
    [InlineData("O:SYD:(A;;GW;;;S-1-5-21-1-2-3-1001)", true, 0x192u)]
    // Whoever may change the access may do anything.
    [InlineData("O:SYD:P(A;;FA;;;SY)(A;;WD;;;BU)", true, 0x192u)]
    [InlineData("O:SYD:P(A;;FA;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BU)", true, 0x1B6u)]
    [InlineData("O:SYD:P(A;;FA;;;SY)(XA;;FX;;;BU;(@User.x == 1))", true, 0x180u)]
    [InlineData("O:SYD:P(A;;FA;;;SY)(A;;??;;;BU)", true, 0x1B6u)]
    // A denial allows nobody anything; no list denies nobody anything.
    [InlineData("O:SYD:P(D;;FA;;;BU)(A;;FA;;;SY)", true, 0x180u)]
    [InlineData("O:SYD:NO_ACCESS_CONTROL", true, 0x1B6u)]
    [InlineData("O:SY", true, 0x1B6u)]
    [InlineData("O:S-1-5-21-1-2-3-500D:P(A;;FA;;;SY)", false, 0x180u)]
    [InlineData("O:LAD:P(A;;FA;;;SY)", false, 0x180u)]
    public void Who_may_do_what_is_read_from_the_security_descriptor(string sddl, bool isOurs, uint mode)
    {
        var access = WindowsAccess.Parse(sddl);
        Assert.Equal((isOurs, mode), (access.Owner == 0, access.Mode(isDirectory: false)));
        Assert.Equal(mode | 0x1C0, access.Mode(isDirectory: true));
    }

    [Theory]
    [InlineData("O:BAD:P(A;;FA;;;SY)", true)]
    [InlineData("O:BAD:P(A;;FR;;;BA)", true)]
    [InlineData("O:BAD:P(A;;FR;;;AU)", true)]
    [InlineData("O:BAD:P(A;;FW;;;SY)(A;;FA;;;S-1-5-21-1-2-3-1001)", false)]
    public void Whether_the_nucleus_may_read_it_is_too(string sddl, bool reads) => Assert.Equal(reads, WindowsAccess.Parse(sddl).SystemMayRead);

    [Fact]
    public void Each_owner_but_administrators_and_SYSTEM_is_somebody_else()
    {
        var (one, other) = (WindowsAccess.Parse("O:S-1-5-21-1-2-3-1001D:"), WindowsAccess.Parse("O:S-1-5-21-1-2-3-1002D:"));
        Assert.NotEqual(0u, one.Owner);
        Assert.NotEqual(one.Owner, other.Owner);
        Assert.Equal(one.Owner, WindowsAccess.Parse("O:S-1-5-21-1-2-3-1001G:BAD:").Owner);
    }

    [Fact]
    public void Everything_that_is_made_is_for_SYSTEM_and_administrators_with_nothing_inherited()
    {
        Assert.All((string[])[WindowsAccess.OwnFile, WindowsAccess.OwnDirectory], sddl =>
        {
            Assert.StartsWith("O:BAD:P(", sddl, StringComparison.Ordinal);
            Assert.Equal(new WindowsAccess(0, OthersMayRead: false, OthersMayWrite: false, SystemMayRead: true), WindowsAccess.Parse(sddl));
        });
    }

    [Fact]
    public void What_can_not_be_looked_at_is_not_taken_for_missing()
    {
        var files = new WindowsFileSystem();
        Assert.Null(files.Status(_root.Combine("none")));
        Assert.Null(files.Status(_root.Combine("none/journal")));
        File.CreateSymbolicLink(_root.Combine("loop"), _root.Combine("loop"));
        Assert.Throws<FileSystemException>(() => files.Status(_root.Combine("loop/journal")));
    }

    [Theory]
    [InlineData(2, FileSystemException.NoEntry, false)]
    [InlineData(3, FileSystemException.NoEntry, false)]
    [InlineData(5, FileSystemException.PermissionDenied, true)]
    [InlineData(32, FileSystemException.Busy, true)]
    [InlineData(183, FileSystemException.Exists, false)]
    [InlineData(112, FileSystemException.NoSpace, false)]
    [InlineData(1, 5, false)]
    public void Windows_errors_have_the_numbers_of_the_seam(int windows, int number, bool isOfThePlace)
    {
        var failure = WindowsErrors.Failure("rename", @"C:\a", windows);
        Assert.Equal((number, isOfThePlace), (failure.Error, failure.IsOfThePlace));
        Assert.StartsWith(@"rename C:\a: ", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"C:\\\\greengrass\\\\v2\\\\privKey.key\"")]
    [InlineData(@"'C:\greengrass\v2\privKey.key'")]
    [InlineData(@"C:\greengrass\v2\privKey.key")]
    [InlineData("\"file:///C:/greengrass/v2/privKey.key\"")]
    [InlineData("file:/C:/greengrass/v2/privKey.key")]
    [InlineData(@"file:///C:\greengrass\v2\privKey.key")]
    public void A_path_of_Windows_is_read_in_all_forms_that_the_nucleus_takes(string yaml)
    {
        Directory.CreateDirectory(_root.Combine("config"));
        File.WriteAllText(_root.Combine("config", "effectiveConfig.yaml"), $"system:\n  privateKeyPath: {yaml}\n  certificateFilePath: \"C:\\\\greengrass\\\\v2\\\\thing Cert.crt\"\n");
        var system = SystemConfiguration.Read(_root.Path);
        Assert.Equal((@"C:\greengrass\v2\privKey.key", @"C:\greengrass\v2\thing Cert.crt"), (system.PrivateKeyPath, system.CertificateFilePath));
        Assert.Null(system.TokenLabel);
    }

    [Fact]
    public async Task The_nucleus_is_restarted_by_its_own_service_wrapper_when_no_deployment_is_under_way()
    {
        var (asked, idle) = (new List<string>(), new TaskCompletionSource());
        string? refusal = null;
        var nucleus = new WindowsNucleus("/greengrass/v2", "session", _ => idle.Task, (program, arguments, _) =>
        {
            asked.Add($"{program} {string.Join(' ', arguments)}");
            return Task.FromResult(refusal);
        });

        var restart = nucleus.RestartAsync(TestContext.Current.CancellationToken);
        Assert.Empty(asked);
        idle.SetResult();
        Assert.Null(await restart);
        Assert.Equal(["/greengrass/v2/alts/current/distro/bin/greengrass.exe restart!"], asked);

        refusal = "greengrass.exe restart! failed: access denied";
        Assert.Contains("RequiresPrivilege? Restart the service greengrass by hand", await nucleus.RestartAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal("session", nucleus.Session);
    }

    [Theory]
    [InlineData("file", true, true)]
    [InlineData("file", false, false)]
    [InlineData("pkcs11", true, false)]
    public void Keys_on_elliptic_curves_are_refused_in_files_on_Windows(string store, bool isWindows, bool isRefused) =>
        Assert.Equal(isRefused, Platform.NoEllipticFiles(store, isWindows) is not null);

    /// <summary>A number of PKCS#11 is half as long there and its structures are packed: every call would be a wild one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Keys_in_a_token_are_refused_on_Windows(bool isWindows)
    {
        var system = new SystemConfiguration("pkcs11:object=core;type=private", "pkcs11:object=core;type=cert", null, "pump1");
        var failure = Record.Exception(() => CredentialStores.Open(system, new PosixFileSystem(), new StateDirectories(_root.Path), () => new("none.dll", 0, null), isWindows: isWindows));
        if (isWindows)
            Assert.Contains("on Windows", Assert.IsType<CredentialException>(failure).Message, StringComparison.Ordinal);
        else
            Assert.Null(failure);
    }

    [Fact]
    public async Task A_program_that_can_not_be_run_or_fails_gives_the_reason()
    {
        Assert.Contains("could not be started", await Command.RunAsync(TimeProvider.System, "/nowhere/greengrass.exe", ["restart!"], default), StringComparison.Ordinal);
        Assert.Contains("failed: no", await Command.RunAsync(TimeProvider.System, "sh", ["-c", "echo no >&2; exit 3"], default), StringComparison.Ordinal);
        Assert.Null(await Command.RunAsync(TimeProvider.System, "true", [], default));
    }
}
