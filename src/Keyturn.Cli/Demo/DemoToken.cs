using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Cli.Demo;

/// <summary>A device's token, seen with somebody else's program: pkcs11-tool reads it.</summary>
internal sealed class DemoToken(DemoDevice device)
{
    private const int Attempts = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private const string Provider = "aws.greengrass.crypto.Pkcs11Provider";

    private string Library => device.ConfigurationValue("services", Provider, "configuration", "library");

    private string Slot => device.ConfigurationValue("services", Provider, "configuration", "slot");

    private string Pin => device.ConfigurationValue("services", Provider, "configuration", "userPin");

    public X509Certificate2 ReadCertificate(string uri)
    {
        var file = Path.GetTempFileName();
        try
        {
            // The device removes its old key just then, perhaps, and tpm2-pkcs11 gives up on a locked database.
            var (status, said) = Read();
            for (var attempt = 1; status != 0 && attempt < Attempts && said.Contains("CKR_GENERAL_ERROR", StringComparison.Ordinal); attempt++)
            {
                Task.Delay(Pause, TimeProvider.System).GetAwaiter().GetResult();
                (status, said) = Read();
            }
            return status == 0 ? X509CertificateLoader.LoadCertificateFromFile(file) : throw new IOException($"the token has no certificate '{LabelOf(uri)}': {said}");
        }
        finally
        {
            File.Delete(file);
        }

        (int Status, string Said) Read() =>
            Run("pkcs11-tool", "--module", Library, "--slot", Slot, "--login", "--pin", Pin, "--read-object", "--type", "cert", "--label", LabelOf(uri), "--output-file", file);
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
