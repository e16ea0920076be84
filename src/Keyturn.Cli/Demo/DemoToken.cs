using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Cli.Demo;

/// <summary>A device's token, seen with somebody else's program: pkcs11-tool reads it.</summary>
internal sealed class DemoToken(DemoDevice device)
{
    private const string Provider = "aws.greengrass.crypto.Pkcs11Provider";

    private string Library => device.ConfigurationValue("services", Provider, "configuration", "library");

    private string Slot => device.ConfigurationValue("services", Provider, "configuration", "slot");

    private string Pin => device.ConfigurationValue("services", Provider, "configuration", "userPin");

    public X509Certificate2 ReadCertificate(string uri)
    {
        var file = Path.GetTempFileName();
        try
        {
            var (status, said) = Run("pkcs11-tool", "--module", Library, "--slot", Slot, "--login", "--pin", Pin, "--read-object", "--type", "cert", "--label", LabelOf(uri), "--output-file", file);
            return status == 0 ? X509CertificateLoader.LoadCertificateFromFile(file) : throw new IOException($"the token has no certificate '{LabelOf(uri)}': {said}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string LabelOf(string uri) => Uri.UnescapeDataString(uri.Split(':', 2)[1].Split(';').First(part => part.StartsWith("object=", StringComparison.Ordinal))["object=".Length..]);

    private (int Status, string Said) Run(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        _ = output.GetAwaiter().GetResult();
        return (process.ExitCode, error.Trim());
    }

    private Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var line in File.ReadLines(Path.Combine(device.Root, "token", "environment")))
            start.Environment[line.Split('=', 2)[0]] = line.Split('=', 2)[1];
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception problem)
        {
            throw new DemoFailedException($"{program} can't be started: {problem.Message}. Run script/bootstrap, which installs it");
        }
    }
}
