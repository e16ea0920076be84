using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>A token of our own with one user, and how other tools put a credential into it.</summary>
internal abstract class TestToken : IDisposable
{
    public const string Pin = "8312", Label = "greengrass";

    private readonly TemporaryDirectory _directory = new();

    public abstract string Library { get; }

    public abstract ulong Slot { get; }

    public abstract IReadOnlyDictionary<string, string> Environment { get; }

    public string Path => _directory.Path;

    public string StoreDirectory => Combine("state", "credentials");

    public Pkcs11Options Options => new(Library, Slot, Pin);

    public string Combine(params string[] parts) => _directory.Combine(parts);

    /// <param name="module">Stands before the real module.</param>
    public Pkcs11CredentialStore Store(Func<ICryptoki, ICryptoki>? module = null, Pkcs11Options? options = null, TimeProvider? time = null)
    {
        Tool.SetForModules(Environment);
        var used = options ?? Options;
        Directory.CreateDirectory(Combine("state"));
        return new Pkcs11CredentialStore(
            new Token(() => module is null ? Cryptoki.Load(used.Library) : module(Cryptoki.Load(used.Library)), used, time ?? TimeProvider.System),
            new TokenRoles(Label), new RotationFiles(new PosixFileSystem(), StoreDirectory));
    }

    public string Pkcs11Tool(params string[] arguments) => Tool.Run(
        Environment, "pkcs11-tool", ["--module", Library, "--slot", Slot.ToString(CultureInfo.InvariantCulture), "--login", "--pin", Pin, .. arguments]);

    /// <summary>As the AWS documentation provisions a device: key and certificate under one label and id.</summary>
    public void Provision(CertificateAuthority ca, KeyAlgorithm algorithm, string? id = "01", string label = Label)
    {
        string[] named = id is null ? ["--label", label] : ["--label", label, "--id", id];
        Pkcs11Tool(["--keypairgen", "--key-type", algorithm.IsRsa ? $"rsa:{algorithm.Bits}" : $"EC:secp{algorithm.Bits}r1", .. named]);
        var certificate = Combine("certificate.der");
        File.WriteAllBytes(certificate, ca.Certify(SecondOpinion.PublicKeyOf(this, label)).RawData);
        Pkcs11Tool(["--write-object", certificate, "--type", "cert", .. named]);
    }

    /// <summary>What tells one state of the disk from another: the token's objects and the store's own files.</summary>
    public string Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Kept.Where(Directory.Exists).SelectMany(d => Directory.EnumerateFiles(d, "*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal))
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(file));
            hash.AppendData(File.ReadAllBytes(file));
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    public void Save(string target)
    {
        foreach (var directory in Kept.Where(Directory.Exists))
            Copy(directory, System.IO.Path.Combine(target, System.IO.Path.GetFileName(directory)));
    }

    public void Restore(string saved)
    {
        foreach (var directory in Kept)
        {
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
            if (Directory.Exists(System.IO.Path.Combine(saved, System.IO.Path.GetFileName(directory))))
                Copy(System.IO.Path.Combine(saved, System.IO.Path.GetFileName(directory)), directory);
        }
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>Where the token keeps its objects.</summary>
    protected abstract string ObjectsDirectory { get; }

    private string[] Kept => [ObjectsDirectory, Combine("state")];

    protected static T Provisioned<T>(T token)
        where T : TestToken
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => token.Dispose();
        using var ca = new CertificateAuthority();
        token.Provision(ca, KeyAlgorithm.EcdsaP256);
        return token;
    }

    protected static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        File.SetUnixFileMode(to, File.GetUnixFileMode(from));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = System.IO.Path.Combine(to, System.IO.Path.GetRelativePath(from, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            File.SetUnixFileMode(System.IO.Path.GetDirectoryName(target)!, File.GetUnixFileMode(System.IO.Path.GetDirectoryName(file)!));
            File.Copy(file, target);
        }
    }
}

/// <summary>SoftHSM 2: a token whose objects are files in a directory.</summary>
internal sealed class SoftHsm : TestToken
{
    private const string Module = "/usr/lib/softhsm/libsofthsm2.so";

    private static readonly Lazy<SoftHsm> Model = new(() => Provisioned(new SoftHsm()));

    /// <summary>With a credential in it, as a copy of one that was provisioned: that takes the tools a second.</summary>
    public static SoftHsm WithCredential() => new(Model.Value);

    private SoftHsm(SoftHsm model)
    {
        Copy(model.Objects, Objects);
        (Environment, Slot) = (Configure(), model.Slot);
    }

    public SoftHsm()
    {
        Environment = Configure();
        var said = Tool.Run(Environment, "softhsm2-util", "--init-token", "--free", "--label", "device", "--pin", Pin, "--so-pin", "87654321");
        Slot = ulong.Parse(said[(said.LastIndexOf(' ') + 1)..].Trim(), CultureInfo.InvariantCulture);
    }

    public override string Library => Module;

    public override ulong Slot { get; }

    public override IReadOnlyDictionary<string, string> Environment { get; }

    protected override string ObjectsDirectory => Objects;

    private string Objects => Combine("tokens");

    private Dictionary<string, string> Configure()
    {
        Directory.CreateDirectory(Objects);
        File.WriteAllText(Combine("softhsm2.conf"), $"directories.tokendir = {Objects}\nobjectstore.backend = file\nlog.level = ERROR\n");
        return new() { ["SOFTHSM2_CONF"] = Combine("softhsm2.conf") };
    }
}
