using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Storage;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>The file store where no link can be made.</summary>
public sealed class NoLinksStoreTests : TwoFileStoreTests
{
    public NoLinksStoreTests() => Hinder(hasLinks: false, areMounted: false);
}

/// <summary>The file store where both files are mounted on their own.</summary>
public sealed class MountedFilesStoreTests : TwoFileStoreTests
{
    public MountedFilesStoreTests() => Hinder(hasLinks: true, areMounted: true);
}

public abstract class TwoFileStoreTests : CredentialStoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly StringWriter _log = new();
    private HinderedFileSystem _files = null!;

    protected TwoFileStoreTests()
    {
        using var key = RSA.Create(2048);
        Install(key);
        new StateDirectories(_directory.Path).Ensure(new PosixFileSystem());
    }

    private protected override KeyOptions Options => new(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256);

    private protected override ICredentialStore Store => Open();

    private string KeyPath => _directory.Combine("privKey.key");

    private string CertificatePath => _directory.Combine("thingCert.crt");

    private string Generations => new StateDirectories(_directory.Path).Credentials;

    private string Record => File.ReadAllText(Path.Combine(Generations, "current"));

    public void Dispose()
    {
        Ca.Dispose();
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void The_paths_stay_files_with_their_mode_and_the_choice_is_told()
    {
        File.SetUnixFileMode(CertificatePath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        var pair = Begin();
        Store.SwitchTo(pair.New, mustBeReached: true);

        Assert.All((string[])[KeyPath, CertificatePath], p => Assert.Null(new FileInfo(p).LinkTarget));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyPath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(CertificatePath));
        Assert.Equal($"{pair.New}\n", Record);
        Assert.Contains("No link can lead", _log.ToString(), StringComparison.Ordinal);
        Assert.Contains($"At a switch {KeyPath} is ", _log.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(KeyPath + ".keyturn") || File.Exists(CertificatePath + ".keyturn"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Between_the_two_files_either_pair_can_be_put_in_place(bool forward)
    {
        var pair = Begin();
        StopBefore(CertificatePath, () => Store.SwitchTo(pair.New, mustBeReached: true));
        Assert.Equal($"{pair.Old} {pair.New}\n", Record);
        Assert.Null(Store.InUse);
        Assert.Throws<CredentialException>(Store.CheckInUse);
        Assert.Throws<CredentialException>(() => Store.Remove(pair.Old));
        Assert.Throws<CredentialException>(() => Store.Remove(pair.New));
        Store.Sweep();

        Store.SwitchTo(forward ? pair.New : pair.Old, mustBeReached: forward);

        Store.CheckInUse();
        Assert.Equal(forward ? pair.New : pair.Old, Store.InUse);
        using var used = PairInUse();
        Assert.Equal(Store.Inspect().CertificateId, Id(used));
    }

    [Fact]
    public void A_pair_that_somebody_puts_there_between_the_two_files_stays()
    {
        var pair = Begin();
        StopBefore(CertificatePath, () => Store.SwitchTo(pair.New, mustBeReached: true));
        var theirs = Replace();

        Assert.Throws<CredentialException>(() => Store.SwitchTo(pair.New, mustBeReached: true));
        Store.SwitchTo(pair.Old, mustBeReached: false);
        Assert.Equal(theirs, Store.Inspect().CertificateId);

        Begin();
        Assert.Equal(theirs, Store.Inspect().CertificateId);
        Store.CheckInUse();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    public void A_certificate_torn_between_old_and_new_is_told_from_a_whole_one_by_its_content(int oldBytes)
    {
        var pair = Begin();
        var old = File.ReadAllBytes(CertificatePath);
        StopBefore(CertificatePath, () => Store.SwitchTo(pair.New, mustBeReached: true));
        var made = File.ReadAllBytes(Path.Combine(Generations, pair.New, "cert"));
        // The new public key is in it, so that by public keys alone it would be a pair.
        File.WriteAllBytes(CertificatePath, oldBytes == 0 ? made[..(made.Length / 3)] : [.. made[..^oldBytes], .. old[^oldBytes..]]);

        Store.SwitchTo(pair.New, mustBeReached: true);

        Assert.Equal(made, File.ReadAllBytes(CertificatePath));
        Store.CheckInUse();
    }

    [Fact]
    public void A_switch_that_no_journal_tells_of_is_ended_by_the_next_rotation()
    {
        var pair = Begin();
        var old = File.ReadAllText(CertificatePath);
        StopBefore(CertificatePath, () => Store.SwitchTo(pair.New, mustBeReached: true));

        var next = Store.Prepare(Options);

        Assert.Equal(pair.Old, next.Old);
        Assert.Equal(old, File.ReadAllText(CertificatePath));
        Store.CheckInUse();
    }

    [Fact]
    public void A_record_that_says_nothing_stops_everything_and_changes_nothing()
    {
        var pair = Begin();
        var (key, certificate) = (File.ReadAllText(KeyPath), File.ReadAllText(CertificatePath));
        File.WriteAllText(Path.Combine(Generations, "current"), "gen-1 gen-2 gen-3\n");
        Assert.Contains("is damaged", Assert.Throws<CredentialException>(() => Store.SwitchTo(pair.New, mustBeReached: true)).Message, StringComparison.Ordinal);
        Assert.Throws<CredentialException>(() => Store.Prepare(Options));
        Assert.Throws<CredentialException>(() => Store.Remove(pair.New));
        Assert.Equal((key, certificate), (File.ReadAllText(KeyPath), File.ReadAllText(CertificatePath)));
    }

    private protected void Hinder(bool hasLinks, bool areMounted) =>
        _files = new HinderedFileSystem(new PosixFileSystem(), hasLinks, areMounted ? [KeyPath, CertificatePath] : []);

    private protected override X509Certificate2 PairInUse() => X509Certificate2.CreateFromPemFile(CertificatePath, KeyPath);

    private protected override int CountCredentials() => Directory.Exists(Generations) ? Math.Max(1, Directory.EnumerateDirectories(Generations, "gen-*").Count()) : 1;

    private protected override string Replace()
    {
        using var theirs = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Install(theirs);
        return Store.Inspect().CertificateId;
    }

    /// <summary>As another process would, which knows only what is on the disk.</summary>
    private FileCredentialStore Open() =>
        new(_files, new CredentialPaths(KeyPath, CertificatePath), Generations, log: new RotationLog(_log, TimeProvider.System, "pump1"));

    private void StopBefore(string path, Action work)
    {
        _files.Before = operation =>
        {
            if (operation.EndsWith($" {path}", StringComparison.Ordinal))
                throw new InvalidOperationException("ended here");
        };
        Assert.Equal("ended here", Assert.Throws<InvalidOperationException>(work).Message);
        _files.Before = _ => { };
    }

    private void Install(AsymmetricAlgorithm key)
    {
        var (pem, certificate) = Ca.Issue(key);
        File.WriteAllText(KeyPath, pem);
        File.WriteAllText(CertificatePath, certificate);
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.SetUnixFileMode(CertificatePath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
