using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Keyturn.Bench;

/// <summary>The local cloud with many devices: what a connection costs, and how fast messages reach a function and jobs are worked off.</summary>
internal static class CloudBenchmark
{
    private const int Devices = 10_000;
    private const int Messages = 5_000;
    private const int Jobs = 10;
    private const int Targets = 1_000;

    /// <param name="withRollout">One job of ten thousand targets as well, which AWS rolls out in nine minutes and so does the local cloud.</param>
    public static async Task RunAsync(Action<string, string> report, bool withRollout)
    {
        var data = Directory.CreateTempSubdirectory("keyturn-bench-").FullName;
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("KEYTURN_LOCAL_CLOUD")!,
            ["--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--data", data, "--faults", "none",
                "--template", Path.Combine(AppContext.BaseDirectory, "cloud-stack.json"), "--function-executable", Environment.ProcessPath!])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var cloud = Process.Start(start)!;
        var ended = 0;
        cloud.ErrorDataReceived += (_, line) => ended += line.Data?.Contains(" ended after ", StringComparison.Ordinal) == true ? 1 : 0;
        cloud.BeginErrorReadLine();
        var urls = new Dictionary<string, string>();
        while (await cloud.StandardOutput.ReadLineAsync() is { } line && line != "ready")
            urls[line.Split(' ')[0]] = line.Split(' ')[1];
        try
        {
            using var api = new SignedApi(urls["api"]);
            var port = int.Parse(urls["mqtt"].Split(':')[1], CultureInfo.InvariantCulture);
            var certificate = await RegisterAsync(api);
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(urls["root-ca"]);
            var devices = new ConcurrentBag<BenchDevice>();
            await ConnectAsync(report, cloud, id => BenchDevice.ConnectAsync("localhost", port, certificate, roots, id), devices);
            await PublishAsync(report, cloud, [.. devices.Take(100)], () => Volatile.Read(ref ended));
            foreach (var device in devices)
                device.Dispose();
            await RunJobsAsync(report, cloud, api);
            if (withRollout)
                await RolloutBenchmark.RunAsync(report, cloud, api);
        }
        finally
        {
            cloud.Kill(entireProcessTree: true);
            await cloud.WaitForExitAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task<X509Certificate2> RegisterAsync(SignedApi api)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        var made = await api.CallAsync("iot", "POST", "/certificates", new JsonObject { ["certificateSigningRequest"] = csr }.ToJsonString(), "setAsActive=true");
        await api.CallAsync("iot", "POST", "/policies/all", new JsonObject
        {
            ["policyDocument"] = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}""",
        }.ToJsonString());
        await api.CallAsync("iot", "PUT", "/target-policies/all", new JsonObject { ["target"] = made["certificateArn"]!.ToString() }.ToJsonString());
        using var issued = X509Certificate2.CreateFromPem(made["certificatePem"]!.ToString());
        using var both = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(both.Export(X509ContentType.Pkcs12), null);
    }

    private static async Task ConnectAsync(
        Action<string, string> report, Process cloud, Func<string, Task<BenchDevice>> connect, ConcurrentBag<BenchDevice> devices)
    {
        // What the first connections bring into memory once is not theirs.
        for (var i = 0; i < 50; i++)
            devices.Add(await connect($"first-{i}"));
        var before = ProcessReading.ResidentMegabytes(cloud.Id);
        var cpu = ProcessReading.CpuSeconds(cloud);
        var clock = Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Devices), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) => devices.Add(await connect($"device-{i}")));
        var seconds = clock.Elapsed.TotalSeconds;
        cpu = ProcessReading.CpuSeconds(cloud) - cpu;
        await Task.Delay(5000);
        var held = ProcessReading.ResidentMegabytes(cloud.Id) - before;
        report("Local cloud: connects a second, mutual TLS, P-256", Show($"{Devices / seconds:0} ({Devices} in {seconds:0.0} s; {cpu * 1000 / Devices:0.0} ms of CPU each)"));
        report($"Local cloud: memory of a connection, {Devices} idle", Show($"{held * 1024 / Devices:0.0} KB ({held:0} MB resident)"));
    }

    private static async Task PublishAsync(Action<string, string> report, Process cloud, List<BenchDevice> devices, Func<int> ended)
    {
        var before = ended();
        var cpu = ProcessReading.CpuSeconds(cloud);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(devices.Select(async (device, d) =>
        {
            for (var i = 1; i <= Messages / devices.Count; i++)
                await device.PublishAsync($"bench/{d}", $$"""{"n":{{i}}}""", (ushort)i);
        }));
        var published = clock.Elapsed.TotalSeconds;
        while (ended() - before < Messages && clock.Elapsed < TimeSpan.FromMinutes(2))
            await Task.Delay(20);
        var seconds = clock.Elapsed.TotalSeconds;
        cpu = ProcessReading.CpuSeconds(cloud) - cpu;
        report("Local cloud: messages a second through a rule to a function that has answered", Show(
            $"{(ended() - before) / seconds:0} ({ended() - before} of {Messages} in {seconds:0.0} s; acknowledged to the devices in {published:0.0} s; {cpu * 1000 / Messages:0.0} ms of the cloud's CPU each)"));
    }

    /// <summary>A job is rolled out to 1,000 things a minute at most, as on AWS: so it is ten jobs that make ten thousand executions at once.</summary>
    private static async Task RunJobsAsync(Action<string, string> report, Process cloud, SignedApi api)
    {
        var bounded = new ParallelOptions { MaxDegreeOfParallelism = 8 };
        await api.CallAsync("iot", "POST", "/thing-groups/all", "{}");
        await Parallel.ForEachAsync(Enumerable.Range(0, Targets), bounded, async (i, _) =>
        {
            await api.CallAsync("iot", "POST", $"/things/t{i}", "{}");
            await api.CallAsync("iot", "PUT", "/thing-groups/addThingToThingGroup", $$"""{"thingName":"t{{i}}","thingGroupName":"all"}""");
        });
        var clock = Stopwatch.StartNew();
        for (var job = 0; job < Jobs; job++)
        {
            await api.CallAsync(
                "iot", "PUT", $"/jobs/job-{job}", """{"targets":["arn:aws:iot:us-east-1:012345678901:thinggroup/all"],"document":"{}"}""");
        }

        var created = clock.Elapsed.TotalSeconds;
        var cpu = ProcessReading.CpuSeconds(cloud);
        await Parallel.ForEachAsync(Enumerable.Range(0, Targets), bounded, async (i, _) =>
        {
            for (var job = 0; job < Jobs; job++)
            {
                var next = await api.CallAsync("iot-jobs-data", "PUT", $"/things/t{i}/jobs/$next", "{}");
                await api.CallAsync("iot-jobs-data", "POST", $"/things/t{i}/jobs/{next["execution"]!["jobId"]}", """{"status":"SUCCEEDED"}""");
            }
        });
        var drained = clock.Elapsed.TotalSeconds - created;
        cpu = ProcessReading.CpuSeconds(cloud) - cpu;
        var status = (await api.CallAsync("iot", "GET", $"/jobs/job-{Jobs - 1}"))["job"]!["status"]!.ToString();
        report($"Local cloud: {Jobs} jobs with {Targets} targets each created", Show($"{created:0.00} s"));
        report("Local cloud: executions a second begun and completed over HTTP", Show($"{Jobs * Targets / drained:0} ({Jobs * Targets} in {drained:0.0} s; {cpu * 1000 / Jobs / Targets:0.0} ms of CPU each; the last job is {status})"));
    }

    private static string Show(FormattableString text) => FormattableString.Invariant(text);
}
