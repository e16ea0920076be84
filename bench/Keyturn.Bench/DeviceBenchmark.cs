using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Keyturn.Bench;

/// <summary>The component's executable on a Greengrass root of its own, against a nucleus that answers at once.</summary>
internal static class DeviceBenchmark
{
    private const double Goal = 16;

    public static Task RunAsync(Action<string, string> report) => MeasureAsync(report, "Device", Environment.GetEnvironmentVariable("KEYTURN_COMPONENT")!);

    /// <summary>Several builds of it, in one run.</summary>
    public static async Task CompareAsync(Action<string, string> report, IEnumerable<string> executables)
    {
        foreach (var executable in executables)
            await MeasureAsync(report, executable, executable);
    }

    private static Task MeasureAsync(Action<string, string> report, string who, string executable) =>
        Starts.MeasureAsync(report, who, "subscribed", "at rest", executable, StartAsync, Goal);

    private static async Task<(double Milliseconds, double Megabytes, MemoryReading? Memory)> StartAsync(string executable)
    {
        var root = Directory.CreateTempSubdirectory("keyturn-bench-").FullName;
        try
        {
            WriteRoot(root);
            var socket = Path.Combine(root, "ipc.socket");
            using var nucleus = new SilentNucleus(socket);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var start = new ProcessStartInfo(executable, ["run", "--root", root]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"] = socket;
            start.Environment["SVCUID"] = "BENCH";
            start.Environment["AWS_IOT_THING_NAME"] = "gateway-01";
            start.Environment["AWS_REGION"] = "us-east-1";
            start.Environment["GG_ROOT_CA_PATH"] = Path.Combine(root, "rootCA.pem");

            var watch = Stopwatch.StartNew();
            using var process = Process.Start(start)!;
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            try
            {
                var subscribed = await nucleus.FirstPublishAsync(watch, patience.Token);
                await Task.Delay(500);
                return (subscribed.TotalMilliseconds, ProcessReading.ResidentMegabytes(process.Id), MemoryReading.Of(process.Id, executable));
            }
            finally
            {
                process.Kill();
                await process.WaitForExitAsync();
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>What an installation leaves: a credential and the nucleus's transaction log that says where it is.</summary>
    private static void WriteRoot(string root)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=gateway-01", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
        File.WriteAllText(Path.Combine(root, "thingCert.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(root, "privKey.key"), key.ExportRSAPrivateKeyPem());
        File.WriteAllText(Path.Combine(root, "rootCA.pem"), certificate.ExportCertificatePem());
        Directory.CreateDirectory(Path.Combine(root, "config"));
        using var log = new StreamWriter(Path.Combine(root, "config", "config.tlog"));
        foreach (var (name, value) in ((string, string)[])[
            ("certificateFilePath", Path.Combine(root, "thingCert.crt")), ("privateKeyPath", Path.Combine(root, "privKey.key")),
            ("rootCaPath", Path.Combine(root, "rootCA.pem")), ("rootpath", root), ("thingName", "gateway-01")])
            log.WriteLine($$"""{"TS":1795483555000,"TP":["system","{{name}}"],"W":"changed","V":{{JsonSerializer.Serialize(value)}}}""");
    }
}
