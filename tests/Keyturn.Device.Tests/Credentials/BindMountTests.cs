using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>Key and certificate each mounted on its own, by the kernel, as containers do it: in a namespace, for which no privilege is needed.</summary>
public sealed class BindMountTests
{
    private const string Place = "KEYTURN_BIND_MOUNTS";

    [Fact]
    public void Files_that_are_mounted_on_their_own_are_rotated()
    {
        try
        {
            Tool.Run(new Dictionary<string, string>(), "unshare", "--map-root-user", "--mount", "true");
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"this machine allows no user namespace: {e.Message}");
        }
        using var directory = new TemporaryDirectory();
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (pem, certificate) = ca.Issue(key);
        var (core, outside) = (Directory.CreateDirectory(directory.Combine("core")).FullName, Directory.CreateDirectory(directory.Combine("outside")).FullName);
        foreach (var (name, content) in ((string, string)[])[("key", pem), ("cert", certificate)])
        {
            File.WriteAllText(Path.Combine(outside, name), content);
            File.SetUnixFileMode(Path.Combine(outside, name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.WriteAllText(Path.Combine(core, name), "");
        }

        var said = Tool.Run(
            new Dictionary<string, string> { [Place] = directory.Path },
            "unshare", "--map-root-user", "--mount", "sh", "-ec",
            $"""
             mount --bind {outside}/key {core}/key
             mount --bind {outside}/cert {core}/cert
             exec {Path.Combine(AppContext.BaseDirectory, "Keyturn.Device.Tests")} --progress off --no-ansi --explicit only --filter-method '*.{nameof(Within_the_namespace)}'
             """);

        Assert.Contains("succeeded: 1", said, StringComparison.Ordinal);
        using var pair = X509Certificate2.CreateFromPemFile(Path.Combine(outside, "cert"), Path.Combine(outside, "key"));
        Assert.NotEqual(certificate.ReplaceLineEndings(), pair.ExportCertificatePem() + Environment.NewLine);
        Assert.Equal(["cert", "key"], Directory.EnumerateFiles(core).Select(f => Path.GetFileName(f)).Order());
    }

    /// <summary>Started by the one above.</summary>
    [Fact(Explicit = true)]
    public void Within_the_namespace()
    {
        var place = Environment.GetEnvironmentVariable(Place);
        Assert.SkipWhen(place is null, "runs where the other test has mounted the files");
        var files = new PosixFileSystem();
        var (root, log) = (Path.Combine(place!, "core"), new StringWriter());
        var directories = new StateDirectories(root);
        directories.Ensure(files);
        using var ca = new CertificateAuthority();
        var paths = new CredentialPaths(Path.Combine(root, "key"), Path.Combine(root, "cert"));
        var store = new FileCredentialStore(files, paths, directories.Credentials, log: new RotationLog(log, TimeProvider.System, "pump1"));

        for (var round = 0; round < 2; round++)
        {
            // Longer and shorter ones after each other.
            var pair = store.Prepare(round == 0
                ? new KeyOptions(KeyAlgorithm.Rsa2048, SigningAlgorithm.Sha256WithRsa) : new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256));
            store.StoreCertificate(pair.New, ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
            foreach (var credential in (string[])[pair.New, pair.Old, pair.New])
            {
                store.SwitchTo(credential, mustBeReached: true);
                store.CheckInUse();
                Assert.Equal(credential, store.InUse);
            }
            store.Remove(pair.Old);
        }
        Assert.Contains($"At a switch {paths.Key} is overwritten in place (rename", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("is it mounted on its own?", log.ToString(), StringComparison.Ordinal);
    }
}
