using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Crash;

/// <summary>A part of what <c>script/simulate crash</c> does, and that it would notice.</summary>
public sealed class CrashTests
{
    public static TheoryData<string> Scenarios => [.. Scenario.All.Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void A_blow_at_any_call_leaves_a_working_credential_and_the_rotation_ends_as_it_would_have(string scenario)
    {
        var verdict = CrashCampaign.Singles(Find(scenario), stride: Find(scenario).IsTwoFiles ? 49 : 29);

        Assert.True(verdict.Bad.Count == 0, string.Join('\n', verdict.Bad.Take(10)));
        Assert.True(verdict.Points >= 60, $"only {verdict.Points} points");
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void A_crash_during_recovery_from_a_crash_does_no_more_harm_and_neither_does_a_third(string scenario)
    {
        var stride = Find(scenario).IsTwoFiles ? 97 : 61;
        var once = CrashCampaign.DuringRecovery(Find(scenario), stride);
        var twice = CrashCampaign.TwiceDuringRecovery(Find(scenario), stride);

        Assert.True(once.Bad.Count + twice.Bad.Count == 0, string.Join('\n', once.Bad.Concat(twice.Bad).Take(10)));
        Assert.True(once.Points > 10 && twice.Points > 0, $"only {once.Points} and {twice.Points} points");
    }

    [Fact]
    public void The_product_asks_the_same_of_its_disk_each_time()
    {
        Assert.All(Scenario.All, s => Assert.Equal(CrashCampaign.Trace(s), CrashCampaign.Trace(s)));
    }

    [Fact]
    public void The_check_notices_a_missing_directory_fsync() =>
        Notices(s => new SimulatedFileSystem(s.Disk) { IgnoresDirectorySync = true });

    [Fact]
    public void The_check_notices_a_missing_file_fsync() =>
        Notices(s => new SimulatedFileSystem(s.Disk) { IgnoresFileSync = true });

    [Fact]
    public void The_check_notices_a_journal_that_is_not_written_before_the_effect() =>
        Notices(s => new SimulatedFileSystem(s.Disk) { NeverKeeps = path => path.EndsWith("/journal", StringComparison.Ordinal) });

    [Theory]
    [InlineData("no links, first rotation")]
    [InlineData("mounted certificate, first rotation")]
    public void The_check_notices_a_switch_of_two_files_that_is_not_recorded_before_the_first(string scenario) =>
        Notices(s => new SimulatedFileSystem(s.Disk) { NeverKeeps = path => path.EndsWith("/credentials/current", StringComparison.Ordinal) }, scenario);

    [Theory]
    [InlineData("no links, first rotation")]
    [InlineData("mounted certificate, first rotation")]
    public void The_check_notices_a_missing_fsync_of_either_kind_when_two_files_are_switched(string scenario)
    {
        Notices(s => new SimulatedFileSystem(s.Disk) { IgnoresFileSync = true }, scenario);
        Notices(s => new SimulatedFileSystem(s.Disk) { IgnoresDirectorySync = true }, scenario);
    }

    /// <summary>Otherwise the above would be told of links.</summary>
    [Fact]
    public void Where_no_link_can_be_made_the_paths_are_files()
    {
        foreach (var scenario in Scenario.All.Where(s => s.IsTwoFiles))
        {
            var disk = CrashSimulation.AfterOne(scenario with { IsCommitRefused = false, IsNewDeaf = false });
            Assert.All((string[])[scenario.KeyPath, scenario.CertificatePath], path => Assert.Equal(FileKind.Regular, disk.Status(path)!.Value.Kind));
        }
    }

    private static void Notices(Func<Scenario, SimulatedFileSystem> disk, string name = "first rotation")
    {
        var scenario = Find(name);
        Assert.NotEmpty((CrashCampaign.Singles(scenario, stride: 5, disk: () => disk(scenario), untilBad: true)).Bad);
    }

    private static Scenario Find(string name) => Scenario.All.Single(s => s.Name == name);
}
