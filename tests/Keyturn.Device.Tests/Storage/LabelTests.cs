using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Storage;

/// <summary>Security labels, kept where a test may write them: SELinux's own attribute is its own on a machine that runs it.</summary>
public sealed partial class LabelTests : IDisposable
{
    private const string Attribute = "user.keyturn.label", Label = "system_u:object_r:greengrass_cert_t:s0";
    private readonly TemporaryDirectory _directory = new();
    private readonly PosixFileSystem _files = new(Attribute);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_file_gets_the_label_of_another_and_none_where_that_has_none()
    {
        var (from, to) = (Make("from"), Make("to"));
        _files.CopyLabel(from, to);
        Assert.Equal("", Read(to));

        Write(from, Label);
        _files.CopyLabel(from, to);
        Assert.Equal(Label, Read(to));
    }

    [Fact]
    public void A_file_system_without_labels_is_no_reason_to_fail()
    {
        var from = Make("from");
        Write(from, Label);
        Assert.SkipUnless(Directory.Exists("/proc/self"), "no file system without labels is at hand");
        // proc refuses attributes of users.
        _files.CopyLabel(from, "/proc/self/comm");
    }

    [Fact]
    public void A_file_that_can_not_be_labelled_is_told_of() =>
        Assert.Contains("no such file", Assert.Throws<FileSystemException>(() =>
        {
            var from = Make("from");
            Write(from, Label);
            _files.CopyLabel(from, _directory.Combine("missing"));
        }).Message, StringComparison.Ordinal);

    [Fact]
    public void Key_and_certificate_carry_the_labels_of_those_they_replace_from_generation_to_generation()
    {
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (keyText, certificateText) = ca.Issue(key);
        var (keyPath, certificatePath) = (Make("private.key", keyText), Make("device.crt", certificateText));
        Write(keyPath, Label);
        Write(certificatePath, Label + ":c1");
        var directories = new StateDirectories(_directory.Path);
        directories.Ensure(_files);
        var store = new FileCredentialStore(_files, new CredentialPaths(keyPath, certificatePath), directories.Credentials);

        for (var rotation = 0; rotation < 2; rotation++)
        {
            var pair = store.Prepare(new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256));
            store.StoreCertificate(pair.New, ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
            store.SwitchTo(pair.New, mustBeReached: true);
            store.Remove(pair.Old);
            Assert.Equal((Label, Label + ":c1"), (Read(keyPath), Read(certificatePath)));
        }
        Assert.NotEqual(keyText, File.ReadAllText(keyPath));
    }

    /// <summary>A nucleus may be let at its key by an entry of its own, which no owner, group or mode tells of.</summary>
    [Fact]
    public void Whom_an_access_list_lets_read_the_key_may_read_the_next_one()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can act as another user");
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (keyText, certificateText) = ca.Issue(key);
        var (keyPath, certificatePath) = (Make("private.key", keyText), Make("device.crt", certificateText));
        File.SetUnixFileMode(keyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Allow(keyPath, 1234);
        File.SetUnixFileMode(_directory.Path, File.GetUnixFileMode(_directory.Path) | UnixFileMode.OtherExecute);
        Assert.Equal((true, false), (_files.IsReadableBy(keyPath, 1234, 1234), _files.IsReadableBy(keyPath, 4321, 4321)));
        var directories = new StateDirectories(_directory.Path);
        directories.Ensure(_files);
        var store = CredentialStores.Open(new SystemConfiguration(keyPath, certificatePath, null, "pump1", IsLite: true), _files, directories, () => throw new InvalidOperationException());

        for (var rotation = 0; rotation < 2; rotation++)
        {
            var pair = store.Prepare(new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256));
            store.StoreCertificate(pair.New, ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
            store.SwitchTo(pair.New, mustBeReached: true);
            store.Remove(pair.Old);
            Assert.Equal((true, false), (_files.IsReadableBy(keyPath, 1234, 1234), _files.IsReadableBy(keyPath, 4321, 4321)));
        }
    }

    /// <summary>Gives one more user the right to read; Linux, linux/posix_acl_xattr.h.</summary>
    private static void Allow(string path, uint user)
    {
        (ushort Tag, ushort Rights, uint Id)[] entries = [(0x01, 6, uint.MaxValue), (0x02, 4, user), (0x04, 0, uint.MaxValue), (0x10, 4, uint.MaxValue), (0x20, 0, uint.MaxValue)];
        byte[] list = [2, 0, 0, 0, .. entries.SelectMany(e => (byte[])[.. BitConverter.GetBytes(e.Tag), .. BitConverter.GetBytes(e.Rights), .. BitConverter.GetBytes(e.Id)])];
        var result = SetAttribute(path, "system.posix_acl_access", list, list.Length, 0);
        Assert.SkipWhen(result != 0 && Marshal.GetLastPInvokeError() == 95, "the file system of the temporary directory keeps no access lists");
        Assert.Equal(0, result);
    }

    private string Make(string name, string content = "")
    {
        var path = _directory.Combine(name);
        File.WriteAllText(path, content);
        return path;
    }

    private static void Write(string path, string label)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(label);
        var result = SetAttribute(path, Attribute, bytes, bytes.Length, 0);
        Assert.SkipWhen(result != 0 && Marshal.GetLastPInvokeError() == 95, "the file system of the temporary directory keeps no attributes of users");
        Assert.Equal(0, result);
    }

    private static string Read(string path)
    {
        var buffer = new byte[256];
        var length = GetAttribute(path, Attribute, buffer, buffer.Length);
        return length < 0 ? "" : System.Text.Encoding.ASCII.GetString(buffer, 0, (int)length);
    }

    [LibraryImport("libc", EntryPoint = "setxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetAttribute(string path, string name, byte[] value, nint size, int flags);

    [LibraryImport("libc", EntryPoint = "getxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetAttribute(string path, string name, byte[] value, nint size);
}
