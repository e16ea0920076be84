using System.Text;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Storage;

/// <summary>What the seam promises, on the disk and the system that the tests run on, and the file store on it. Run under Wine too: see docs/windows.md.</summary>
public sealed class ThisDiskTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly IFileSystem _files = Platform.Files;

    public ThisDiskTests() => _files.MakeDirectory(Top, 0x1C0);

    private string Top => _directory.Combine("top");

    private string At(string name) => Path.Combine(Top, name);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_new_file_and_a_new_directory_are_for_their_owner_alone()
    {
        _files.Create(At("file"), "content"u8);
        var (file, top) = (_files.Status(At("file"))!.Value, _files.Status(Top)!.Value);
        Assert.Equal((FileKind.Regular, 0x180u, _files.User, 7L), (file.Kind, file.Mode, file.Owner, file.Size));
        Assert.Equal((FileKind.Directory, 0x1C0u, _files.User), (top.Kind, top.Mode, top.Owner));
        Assert.Equal(["file"], _files.List(Top));
        Assert.True(_files.FreeBytes(Top) > 0);
    }

    [Fact]
    public void What_is_there_is_not_made_again_and_what_is_not_is_missed()
    {
        _files.Create(At("file"), "content"u8);
        Assert.Equal(FileSystemException.Exists, Assert.Throws<FileSystemException>(() => _files.Create(At("file"), "other"u8)).Error);
        Assert.Equal(FileSystemException.Exists, Assert.Throws<FileSystemException>(() => _files.MakeDirectory(Top, 0x1C0)).Error);
        Assert.Null(_files.Status(At("nothing")));
        foreach (var work in (Action[])[() => _files.Read(At("nothing"), 10), () => _files.Unlink(At("nothing")), () => _files.Resolve(At("nothing")), () => _files.Rename(At("nothing"), At("file"))])
            Assert.Equal(FileSystemException.NoEntry, Assert.Throws<FileSystemException>(work).Error);
        Assert.Equal("content"u8, _files.Read(At("file"), 10));
        Assert.Throws<FileSystemException>(() => _files.Read(At("file"), 6));
        Assert.Throws<FileSystemException>(() => _files.Read(Top, 10));
    }

    [Fact]
    public void A_rename_replaces_and_an_overwritten_file_is_as_long_as_its_new_content()
    {
        _files.Create(At("old"), "old"u8);
        _files.Create(At("new"), "a longer one"u8);
        _files.SyncFile(At("new"));
        _files.Rename(At("new"), At("old"));
        _files.SyncDirectory(Top);
        Assert.Equal("a longer one"u8, _files.Read(At("old"), 100));
        Assert.Null(_files.Status(At("new")));

        _files.Overwrite(At("old"), "short"u8);
        Assert.Equal("short"u8, _files.Read(At("old"), 100));
        Assert.Equal(0x180u, _files.Status(At("old"))!.Value.Mode);
        _files.Copy(At("old"), At("copy"));
        Assert.Equal("short"u8, _files.Read(At("copy"), 100));
        _files.Unlink(At("old"));
        _files.Unlink(At("copy"));
        _files.RemoveDirectory(Top);
        Assert.Null(_files.Status(Top));
    }

    [Fact]
    public void A_lock_keeps_others_out_until_it_is_let_go()
    {
        using (_files.Lock(At("lock")))
            Assert.Null(_files.TryLock(At("lock")));
        using var free = _files.TryLock(At("lock"));
        Assert.NotNull(free);
    }

    [Fact]
    public void The_start_of_the_machine_has_a_name() => Assert.Equal(Platform.BootId, Platform.BootId);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_file_store_rotates_here_and_goes_back(bool hasLinks)
    {
        var directories = new StateDirectories(_directory.Path);
        directories.Ensure(_files);
        var paths = new CredentialPaths(At("private.key"), At("thing.crt"));
        _files.Create(paths.Key, "key 0"u8);
        _files.Create(paths.Certificate, "certificate 0"u8);
        var store = new FileCredentialStore(hasLinks ? _files : new HinderedFileSystem(_files, hasLinks: false), paths, directories.Credentials, new Numbered());

        for (var round = 1; round <= 2; round++)
        {
            var pair = store.Prepare(KeyOptions.Default);
            store.StoreCertificate(pair.New, $"certificate {round}", CertificateAuthority.Now);
            foreach (var (credential, number) in ((string, int)[])[(pair.New, round), (pair.Old, round - 1), (pair.New, round)])
            {
                store.SwitchTo(credential, mustBeReached: true);
                store.CheckInUse();
                Assert.Equal((credential, $"{number}"), (store.InUse, store.Inspect().CertificateId));
            }
            store.Remove(pair.Old);
            store.Sweep();
            Assert.Equal(["current", pair.New], _files.List(directories.Credentials));
        }
        Assert.Equal(["private.key", "thing.crt"], _files.List(Top));
    }

    /// <summary>Credentials without cryptography: key and certificate of one number are a pair.</summary>
    private sealed class Numbered : CredentialFiles
    {
        private int _last;

        public override NewKey Generate(KeyOptions options, byte[] currentCertificate) => new(Encoding.ASCII.GetBytes($"key {++_last}"), "request");

        public override bool ArePair(byte[] key, byte[] certificate) => NumberOf(key) == NumberOf(certificate);

        public override CertificateInfo Describe(byte[] certificate) => new(NumberOf(certificate), CertificateAuthority.Now.AddYears(1), "numbered");

        public override OfferedCertificate? Judge(byte[] key, string pem) => new(true, pem, Describe(Encoding.ASCII.GetBytes(pem)), CertificateAuthority.Now);

        private static string NumberOf(byte[] content) => Encoding.ASCII.GetString(content).Trim().Split(' ')[^1];
    }
}
