using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Crash;
using Keyturn.Simulation;

namespace Keyturn.Device.Tests.Adversity;

/// <summary>Disks that are full, read-only or somebody else's. What becomes of each single call that fails, <see cref="CrashTests"/> tells.</summary>
public sealed class DiskTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Too_little_space_refuses_the_rotation_before_anything_of_a_credential_is_written()
    {
        var disk = new SimulatedFileSystem(Scenario.All[0].Disk) { Free = 900_000 };
        using var simulation = new CrashSimulation(Scenario.All[0] with { IsCreateRefused = true }, disk);

        Assert.Null(simulation.Run());

        Assert.Contains("less than 1 MB is free", simulation.Log, StringComparison.Ordinal);
        Assert.Contains("FAILED", simulation.JobStatus, StringComparison.Ordinal);
        Assert.False(disk.Has(new StateDirectories("/greengrass/v2").Credentials));
    }

    [Fact]
    public void A_read_only_disk_changes_nothing_and_the_rotation_follows_when_it_can_be_written()
    {
        var scenario = Scenario.All.Single(s => s.Name == "next rotation");
        var disk = new SimulatedFileSystem(scenario.Disk) { IsReadOnly = true };
        using var simulation = new CrashSimulation(scenario, disk) { WhileItLasts = now => disk.IsReadOnly = now < TimeSpan.FromMinutes(50) };

        Assert.Null(simulation.Run());

        Assert.StartsWith("2026-11-24T00:50:", simulation.Log, StringComparison.Ordinal);
        Assert.Equal("SUCCEEDED", simulation.JobStatus);
    }

    [Theory]
    [InlineData("certificate-rotator")]
    [InlineData("certificate-rotator/journal")]
    public void A_directory_of_ours_that_belongs_to_somebody_else_is_refused_and_left_alone(string name)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give directories away");
        var files = new PosixFileSystem();
        var directories = new StateDirectories(_directory.Path);
        directories.Ensure(files);
        files.SetOwner(_directory.Combine(name), 1234, 1234);

        Assert.Contains("planted", Assert.Throws<CredentialException>(() => directories.Ensure(files)).Message, StringComparison.Ordinal);
        Assert.Equal(1234u, files.Status(_directory.Combine(name))!.Value.Owner);
    }

    [Fact]
    public void A_link_planted_where_the_journals_next_entry_goes_is_not_followed()
    {
        var files = new PosixFileSystem();
        var directories = new StateDirectories(_directory.Path);
        directories.Ensure(files);
        var victim = _directory.Combine("victim");
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(Path.Combine(directories.Journal, "journal.next"), victim);
        var journal = new Journal(files, directories.Journal, "boot", new VirtualTime(CertificateAuthority.Now));

        journal.Append(journal.Load(), new RotationState.Idle(AnswersTokens: true));

        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.True(journal.Load().State is RotationState.Idle { AnswersTokens: true });
    }

    [Fact]
    public void A_journal_that_is_a_link_is_not_read()
    {
        var files = new PosixFileSystem();
        var directories = new StateDirectories(_directory.Path);
        directories.Ensure(files);
        File.WriteAllText(_directory.Combine("theirs"), "keyturn-journal 1 00\n{}");
        File.CreateSymbolicLink(Path.Combine(directories.Journal, "journal"), _directory.Combine("theirs"));
        Assert.Contains("is a symbolic link", Assert.Throws<FileSystemException>(() => new Journal(files, directories.Journal, "boot", new VirtualTime(CertificateAuthority.Now)).Load()).Message, StringComparison.Ordinal);
    }
}
