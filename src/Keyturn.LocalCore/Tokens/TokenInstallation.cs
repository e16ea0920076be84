using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCore.Tokens;

/// <summary>A token of the core's own, made and filled with the programs that the AWS documentation names.</summary>
internal sealed class TokenInstallation(TokenDirectory directory, Pkcs11Provider provider, TpmSimulator? simulator) : IDisposable
{
    public const string Label = "greengrass-core";
    private const string Id = "01";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public Pkcs11Provider Provider => provider;

    public static async Task<TokenInstallation> MakeAsync(string root, TokenKind kind, TimeProvider time, CancellationToken cancellation)
    {
        var directory = new TokenDirectory(root);
        Directory.CreateDirectory(directory.Path, OwnerOnly);
        var (pin, soPin) = (Digits(), Digits());
        return kind == TokenKind.SoftHsm ? MakeSoftHsm(directory, pin, soPin) : await MakeTpmAsync(directory, pin, soPin, time, cancellation).ConfigureAwait(false);
    }

    public RSA MakeKey()
    {
        provider.Tool("--keypairgen", "--key-type", "rsa:2048", "--label", Label, "--id", Id);
        return (RSA)provider.OpenKey(Label);
    }

    public void Store(string certificatePem)
    {
        var file = directory.In("certificate.der");
        using (var certificate = X509Certificate2.CreateFromPem(certificatePem))
            File.WriteAllBytes(file, certificate.RawData);
        provider.Tool("--write-object", file, "--type", "cert", "--label", Label, "--id", Id);
        File.Delete(file);
    }

    public void Dispose() => simulator?.Dispose();

    private static TokenInstallation MakeSoftHsm(TokenDirectory directory, string pin, string soPin)
    {
        Directory.CreateDirectory(directory.In("objects"));
        File.WriteAllText(directory.In("softhsm2.conf"), $"directories.tokendir = {directory.In("objects")}\nobjectstore.backend = file\nlog.level = ERROR\n");
        File.WriteAllText(directory.EnvironmentFile, $"SOFTHSM2_CONF={directory.In("softhsm2.conf")}\n");
        directory.ApplyEnvironment();
        var said = OtherProgram.Run("softhsm2-util", "--init-token", "--free", "--label", "greengrass", "--pin", pin, "--so-pin", soPin).Trim();
        return new(directory, new(Library("softhsm/libsofthsm2.so"), said[(said.LastIndexOf(' ') + 1)..], pin), null);
    }

    private static async Task<TokenInstallation> MakeTpmAsync(TokenDirectory directory, string pin, string soPin, TimeProvider time, CancellationToken cancellation)
    {
        Directory.CreateDirectory(directory.In("tpm"));
        Directory.CreateDirectory(directory.In("store"));
        string[] environment =
        [
            "DBUS_SESSION_BUS_ADDRESS=" + TpmSimulator.BusAddress(directory), "TPM2TOOLS_TCTI=tabrmd:bus_type=session",
            "TPM2_PKCS11_TCTI=tabrmd:bus_type=session", "TPM2_PKCS11_STORE=" + directory.In("store"),
        ];
        await File.WriteAllLinesAsync(directory.EnvironmentFile, environment, cancellation).ConfigureAwait(false);
        directory.ApplyEnvironment();
        var simulator = await TpmSimulator.StartAsync(directory, time, cancellation).ConfigureAwait(false);
        try
        {
            OtherProgram.Run("tpm2_ptool", "init", "--path", directory.In("store"));
            OtherProgram.Run("tpm2_ptool", "addtoken", "--pid=1", "--label=greengrass", "--userpin=" + pin, "--sopin=" + soPin, "--path", directory.In("store"));
            return new(directory, new(Library("libtpm2_pkcs11.so.1"), "1", pin), simulator);
        }
        catch
        {
            simulator.Dispose();
            throw;
        }
    }

    private static string Library(string name) =>
        Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Append("/usr/lib").Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists)
        ?? throw new TokenException($"{name} is not installed; run script/bootstrap");

    private static string Digits() => RandomNumberGenerator.GetInt32(10_000_000, 100_000_000).ToString(CultureInfo.InvariantCulture);
}
