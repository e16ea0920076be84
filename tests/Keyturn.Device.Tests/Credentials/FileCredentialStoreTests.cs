using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Credentials;

public sealed class FileCredentialStoreTests : CredentialStoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FileCredentialStore _store;

    public FileCredentialStoreTests()
    {
        using var key = RSA.Create(2048);
        Install(key);
        new StateDirectories(_directory.Path).Ensure(new PosixFileSystem());
        _store = new FileCredentialStore(new PosixFileSystem(), new CredentialPaths(KeyPath, CertificatePath), Generations);
    }

    private protected override ICredentialStore Store => _store;

    private string KeyPath => _directory.Combine("privKey.key");

    private string CertificatePath => _directory.Combine("thingCert.crt");

    private string Generations => new StateDirectories(_directory.Path).Credentials;

    public void Dispose()
    {
        Ca.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("RSA-2048", "SHA256WITHRSA", "-----BEGIN RSA PRIVATE KEY-----\n")]
    [InlineData("ECDSA-P384", "ECDSA-WITH-SHA384", "-----BEGIN PRIVATE KEY-----\n")]
    public void A_key_file_has_the_form_that_Greengrass_reads(string keyName, string signingName, string begin)
    {
        var pair = _store.Prepare(new KeyOptions(KeyAlgorithm.Find(keyName)!, SigningAlgorithm.Find(signingName)!));
        var keyFile = File.ReadAllText(Path.Combine(Generations, pair.New, "key"));
        Assert.StartsWith(begin, keyFile, StringComparison.Ordinal);
        using var key = KeyMaterial.Import(System.Text.Encoding.ASCII.GetBytes(keyFile));
        Assert.Equal(KeyAlgorithm.Find(keyName)!.Bits, key.KeySize);
    }

    [Fact]
    public void Adoption_leaves_the_content_mode_and_paths_as_they_were()
    {
        File.SetUnixFileMode(CertificatePath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        var (key, certificate) = (File.ReadAllText(KeyPath), File.ReadAllText(CertificatePath));

        var pair = _store.Prepare(KeyOptions.Default);

        Assert.Equal((key, certificate), (File.ReadAllText(KeyPath), File.ReadAllText(CertificatePath)));
        Assert.Equal(Path.Combine(Generations, "current", "key"), new FileInfo(KeyPath).LinkTarget);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Generations, pair.Old, "key")));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(Path.Combine(Generations, pair.Old, "cert")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Generations, pair.New, "key")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Generations));
    }

    [Fact]
    public void The_files_belong_to_whom_the_replaced_ones_belonged()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give files away");
        var files = new PosixFileSystem();
        files.SetOwner(KeyPath, 1234, 1235);
        files.SetOwner(CertificatePath, 1234, 1235);
        File.SetUnixFileMode(_directory.Path, File.GetUnixFileMode(_directory.Path) | UnixFileMode.OtherExecute);

        var pair = _store.Prepare(KeyOptions.Default);
        _store.StoreCertificate(pair.New, Ca.Sign(_store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        _store.SwitchTo(pair.New, mustBeReached: true);

        foreach (var path in (string[])[KeyPath, CertificatePath])
        {
            var status = files.Status(files.Resolve(path))!.Value;
            Assert.Equal((1234u, 1235u), (status.Owner, status.Group));
            Assert.True(files.IsReadableBy(path, 1234, 1235));
            Assert.False(files.IsReadableBy(path, 4321, 4321));
        }
    }

    [Fact]
    public void Where_the_keys_owner_can_not_follow_a_link_the_files_stay_and_are_switched_in_their_place()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give files away");
        var files = new PosixFileSystem();
        files.SetOwner(KeyPath, 1234, 1235);
        files.SetOwner(CertificatePath, 1234, 1235);
        File.SetUnixFileMode(_directory.Path, File.GetUnixFileMode(_directory.Path) | UnixFileMode.OtherExecute);
        var closed = _directory.Combine("closed");
        Directory.CreateDirectory(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        new StateDirectories(closed).Ensure(files);
        var store = new FileCredentialStore(files, new CredentialPaths(KeyPath, CertificatePath), new StateDirectories(closed).Credentials);

        var pair = store.Prepare(KeyOptions.Default);
        Assert.True(files.IsReadableBy(KeyPath, 1234, 1235) && files.IsReadableBy(CertificatePath, 1234, 1235));
        store.StoreCertificate(pair.New, Ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        store.SwitchTo(pair.New, mustBeReached: true);

        Assert.True(files.IsReadableBy(KeyPath, 1234, 1235) && files.IsReadableBy(CertificatePath, 1234, 1235));
        Assert.Equal(File.ReadAllText(Path.Combine(new StateDirectories(closed).Credentials, pair.New, "key")), File.ReadAllText(KeyPath));
        AssertPair();
    }

    [Fact]
    public void A_path_that_somebody_replaced_is_adopted_again()
    {
        _store.Prepare(KeyOptions.Default);
        using var theirs = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.Delete(KeyPath);
        File.Delete(CertificatePath);
        Install(theirs);
        var content = File.ReadAllText(KeyPath);

        var pair = _store.Prepare(KeyOptions.Default);

        Assert.Equal(content, File.ReadAllText(KeyPath));
        Assert.Equal(content, File.ReadAllText(Path.Combine(Generations, pair.Old, "key")));
        AssertPair();
    }

    [Fact]
    public void A_path_that_is_replaced_during_the_rotation_stops_the_switch_and_stays()
    {
        var pair = _store.Prepare(KeyOptions.Default);
        _store.StoreCertificate(pair.New, Ca.Sign(_store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        File.Delete(KeyPath);
        File.WriteAllText(KeyPath, "theirs");
        Assert.Throws<CredentialException>(() => _store.SwitchTo(pair.New, mustBeReached: true));
        Assert.Equal("theirs", File.ReadAllText(KeyPath));
    }

    [Fact]
    public void A_key_that_is_not_the_certificates_is_refused_before_anything_is_made()
    {
        using var other = RSA.Create(2048);
        File.WriteAllText(KeyPath, other.ExportRSAPrivateKeyPem());
        Assert.Contains("is not the private key of", Assert.Throws<CredentialException>(() => _store.Prepare(KeyOptions.Default)).Message, StringComparison.Ordinal);
        Assert.Null(new FileInfo(KeyPath).LinkTarget);
    }

    [Fact]
    public void A_planted_directory_is_refused()
    {
        var elsewhere = _directory.Combine("elsewhere");
        Directory.CreateDirectory(elsewhere);
        Directory.CreateSymbolicLink(Generations, elsewhere);
        Assert.Throws<CredentialException>(() => _store.Prepare(KeyOptions.Default));
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));

        File.Delete(Generations);
        Directory.CreateDirectory(Generations);
        File.SetUnixFileMode(Generations, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
        Assert.Throws<CredentialException>(() => _store.Prepare(KeyOptions.Default));
    }

    [Fact]
    public void What_a_planted_generation_leads_to_is_never_emptied()
    {
        _store.Prepare(KeyOptions.Default);
        var elsewhere = Directory.CreateDirectory(_directory.Combine("elsewhere")).FullName;
        File.WriteAllText(Path.Combine(elsewhere, "precious"), "precious");
        Directory.CreateSymbolicLink(Path.Combine(Generations, "gen-9"), elsewhere);

        _store.Prepare(KeyOptions.Default);
        Directory.CreateSymbolicLink(Path.Combine(Generations, "gen-99"), elsewhere);
        _store.Sweep();

        Assert.Equal("precious", File.ReadAllText(Path.Combine(elsewhere, "precious")));
        Assert.Equal(["gen-1"], Directory.EnumerateDirectories(Generations, "gen-*").Select(d => Path.GetFileName(d)));
    }

    [Fact]
    public void A_link_planted_where_the_key_will_be_is_not_followed()
    {
        var victim = _directory.Combine("victim");
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(KeyPath + ".keyturn", victim);
        _store.Prepare(KeyOptions.Default);
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    /// <summary>Nucleus lite's daemons are a user of their own, who reads a key of root's by its group or as anybody.</summary>
    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, 4321u, 1235u)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, 4321u, 4321u)]
    public void A_key_of_roots_that_a_daemon_of_nucleus_lite_reads_it_reads_after_adoption_and_switch(UnixFileMode mode, uint user, uint group)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give files away");
        var files = new PosixFileSystem();
        files.SetOwner(KeyPath, 0, 1235);
        File.SetUnixFileMode(KeyPath, mode);
        File.SetUnixFileMode(CertificatePath, mode | UnixFileMode.OtherRead);
        File.SetUnixFileMode(_directory.Path, File.GetUnixFileMode(_directory.Path) | UnixFileMode.OtherExecute);
        Assert.True(files.IsReadableBy(KeyPath, user, group));
        var system = new SystemConfiguration(KeyPath, CertificatePath, null, "pump1", IsLite: true);
        var store = CredentialStores.Open(system, files, new StateDirectories(_directory.Path), () => throw new InvalidOperationException());

        var pair = store.Prepare(KeyOptions.Default);
        Assert.True(files.IsReadableBy(KeyPath, user, group) && files.IsReadableBy(CertificatePath, user, group));
        store.StoreCertificate(pair.New, Ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        store.SwitchTo(pair.New, mustBeReached: true);

        Assert.True(files.IsReadableBy(KeyPath, user, group) && files.IsReadableBy(CertificatePath, user, group));
        Assert.False(Directory.Exists(Generations) && files.Status(Generations)!.Value.Mode != 0x1C9);
    }

    [Fact]
    public void One_file_for_both_is_refused_and_left_as_it_is()
    {
        var both = _directory.Combine("both.pem");
        File.WriteAllText(both, File.ReadAllText(KeyPath) + "\n" + File.ReadAllText(CertificatePath));
        var content = File.ReadAllText(both);
        var store = new FileCredentialStore(new PosixFileSystem(), new CredentialPaths(both, _directory.Combine(".", "both.pem")), Generations);
        store.CheckInUse();

        Assert.Contains("one file", Assert.Throws<CredentialException>(() => store.Prepare(KeyOptions.Default)).Message, StringComparison.Ordinal);

        Assert.Null(new FileInfo(both).LinkTarget);
        Assert.Equal(content, File.ReadAllText(both));
        store.CheckInUse();
    }

    private protected override X509Certificate2 PairInUse() => X509Certificate2.CreateFromPemFile(CertificatePath, KeyPath);

    private protected override int CountCredentials() => Directory.Exists(Generations) ? Math.Max(1, Directory.EnumerateDirectories(Generations, "gen-*").Count()) : 1;

    private protected override string Replace()
    {
        using var theirs = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.Delete(KeyPath);
        File.Delete(CertificatePath);
        Install(theirs);
        return _store.Inspect().CertificateId;
    }

    private void Install(AsymmetricAlgorithm key)
    {
        var (pem, certificate) = Ca.Issue(key);
        File.WriteAllText(KeyPath, pem);
        File.WriteAllText(CertificatePath, certificate);
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.SetUnixFileMode(CertificatePath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private void AssertPair()
    {
        using var pair = X509Certificate2.CreateFromPemFile(CertificatePath, KeyPath);
        Assert.True(pair.HasPrivateKey);
    }
}
