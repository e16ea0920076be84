using Keyturn.Device.Rotation;
using Keyturn.Device.Tests.Driver;

namespace Keyturn.Device.Tests.Adversity;

/// <summary>What the kernel says of disks that are full or read-only, not what a simulation has it say.</summary>
public sealed class RealDiskTests : IDisposable
{
    private const string Small = "size=4m,nr_inodes=60";
    private readonly TemporaryDirectory _directory = new();

    private string Root => _directory.Path;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_disk_without_a_byte_left_fails_no_device_and_the_rotation_follows_when_there_is_room() => PrivateMount.Run(Root, Small, () =>
    {
        using var rig = Rig();
        var ballast = Fill(File.Create(Path.Combine(Root, "ballast")));
        rig.StartNucleus();
        rig.RunFor(TimeSpan.FromHours(2));
        Assert.Equal((rig.Old, 0), (rig.CertificateId, rig.Credentials));
        Assert.Contains("less than 1 MB is free", rig.Log, StringComparison.Ordinal);

        ballast.SetLength(0);
        ballast.Dispose();
        if (rig.JobStatus == "FAILED")
            rig.Backend.Queue("job-2");
        rig.Backend.Notify();
        rig.RunFor(TimeSpan.FromHours(2));

        Assert.Equal("SUCCEEDED", rig.JobStatus);
        Assert.NotEqual(rig.Old, rig.CertificateId);
    });

    /// <summary>There is room by the byte, so that the check beforehand passes, and each new file may be the one too many.</summary>
    [Fact]
    public void A_disk_that_takes_only_so_many_more_files_never_leaves_half_a_credential() => PrivateMount.Run(Root, Small, () =>
    {
        var ends = new HashSet<string>();
        for (var left = 0; left < 16; left++)
        {
            PrivateMount.Set(Root, false, "nr_inodes=400");
            var root = Directory.CreateDirectory(Path.Combine(Root, $"left-{left}")).FullName;
            using var rig = Rig(root);
            // So many that are missing: the limit is on those in use.
            var used = Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories).Count() + 1;
            PrivateMount.Set(Root, false, $"nr_inodes={used + left}");
            rig.StartNucleus();
            rig.RunFor(TimeSpan.FromMinutes(20));
            Assert.True(rig.CertificateId == rig.Old || rig.Backend.Committed == rig.CertificateId || rig.Driver.State is not RotationState.Idle, $"{left}: {rig.Driver.State}");

            PrivateMount.Set(Root, false, "nr_inodes=400");
            rig.RunFor(TimeSpan.FromHours(1));
            ends.Add(rig.JobStatus);
            Assert.Equal(rig.JobStatus == "SUCCEEDED", rig.CertificateId != rig.Old);
            Assert.IsType<RotationState.Idle>(rig.Driver.State);
        }
        Assert.Contains("SUCCEEDED", ends);
    });

    [Fact]
    public void A_file_system_that_is_mounted_read_only_changes_nothing_and_the_rotation_follows() => PrivateMount.Run(Root, Small, () =>
    {
        using var rig = Rig();
        PrivateMount.Set(Root, true, Small);
        rig.StartNucleus();
        rig.RunFor(TimeSpan.FromHours(2));
        Assert.Equal((rig.Old, 0), (rig.CertificateId, rig.Credentials));
        Assert.Contains("the file system is read-only", rig.Log, StringComparison.Ordinal);

        PrivateMount.Set(Root, false, Small);
        rig.RunFor(TimeSpan.FromHours(2));

        Assert.Equal("SUCCEEDED", rig.JobStatus);
        Assert.NotEqual(rig.Old, rig.CertificateId);
    });

    [Fact]
    public void One_that_becomes_read_only_at_any_minute_of_a_rotation_ends_it_well_once_it_can_be_written() => PrivateMount.Run(Root, Small, () =>
    {
        for (var seconds = 0; seconds < 30; seconds += 5)
        {
            PrivateMount.Set(Root, false, "nr_inodes=400");
            using var rig = Rig(Directory.CreateDirectory(Path.Combine(Root, $"at-{seconds}")).FullName);
            var start = seconds;
            rig.Backend.Loses = (topic, _) => topic.EndsWith("/commit", StringComparison.Ordinal) && rig.Time.Now < TimeSpan.FromMinutes(10);
            rig.StartNucleus();
            rig.Time.RunUntil(TimeSpan.FromSeconds(seconds));
            PrivateMount.Set(Root, true, "nr_inodes=400");
            rig.RunFor(TimeSpan.FromMinutes(30));
            PrivateMount.Set(Root, false, "nr_inodes=400");
            rig.RunFor(TimeSpan.FromHours(3));
            Assert.Equal("SUCCEEDED", rig.JobStatus);
            Assert.Equal(rig.Backend.Committed, rig.CertificateId);
        }
    });

    private VirtualRig Rig(string? root = null)
    {
        var rig = new VirtualRig(root: root ?? Root) { Probe = new NoProbe() };
        rig.Backend.Queue("job-1");
        return rig;
    }

    private static FileStream Fill(FileStream file)
    {
        var block = new byte[4096];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            return file;
        }
    }
}
