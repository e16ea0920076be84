using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Device.Cloud;

namespace Keyturn.Bench;

/// <summary>A fleet rotates under the quotas that AWS publishes, with the deployed stack's functions: how fast, and what bounds it.</summary>
internal static class FleetBenchmark
{
    private const string Policy = """
        {"Version":"2012-10-17","Statement":[
          {"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:us-east-1:012345678901:client/${iot:Connection.Thing.ThingName}*"},
          {"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":["arn:aws:iot:us-east-1:012345678901:topic/$aws/things/${iot:Connection.Thing.ThingName}/jobs/*","arn:aws:iot:us-east-1:012345678901:topic/awslabs/things/${iot:Connection.Thing.ThingName}/certificate/*"]},
          {"Effect":"Allow","Action":"iot:Subscribe","Resource":["arn:aws:iot:us-east-1:012345678901:topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/jobs/*","arn:aws:iot:us-east-1:012345678901:topicfilter/awslabs/things/${iot:Connection.Thing.ThingName}/certificate/*"]}]}
        """;

    /// <returns>Whether every device rotated and is left with one certificate.</returns>
    public static async Task<bool> RunAsync(Action<string, string> report, int count)
    {
        var directory = Directory.CreateTempSubdirectory("keyturn-fleet-").FullName;
        using var cloud = Process.Start(new ProcessStartInfo(
            Environment.GetEnvironmentVariable("KEYTURN_LOCAL_CLOUD")!,
            ["--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--data", Path.Combine(directory, "cloud"), "--quotas", "default",
                "--template", Environment.GetEnvironmentVariable("KEYTURN_TEMPLATE")!, "--function-executable", Environment.GetEnvironmentVariable("KEYTURN_FUNCTION")!])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        cloud.BeginErrorReadLine();
        var urls = new Dictionary<string, string>();
        while (await cloud.StandardOutput.ReadLineAsync() is { } line && line != "ready")
            urls[line.Split(' ')[0]] = line.Split(' ')[1];
        var devices = new List<FleetDevice>();
        try
        {
            using var api = new SignedApi(urls["api"]);
            using var management = new HttpClient { BaseAddress = new Uri(urls["management"]) };
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(urls["root-ca"]);
            var endpoint = new DataEndpoint("localhost", int.Parse(urls["mqtt"].Split(':')[1], CultureInfo.InvariantCulture), urls["root-ca"]);
            await api.CallAsync("iot", "POST", "/policies/device", new JsonObject { ["policyDocument"] = Policy }.ToJsonString());
            // The first rotates alone: what one rotation asks for when nothing is throttled.
            for (var i = 0; i <= count; i++)
            {
                var thing = $"gateway-{i:000}";
                var device = new FleetDevice(thing, Path.Combine(directory, thing), endpoint, roots, i * 1000);
                devices.Add(device);
                await RegisterAsync(api, thing, device);
                await device.StartAsync();
            }

            await QuietAsync(management);
            (await management.DeleteAsync("/calls")).EnsureSuccessStatusCode();
            await RotateAsync(api, "alone", ["gateway-000"]);
            await QuietAsync(management);
            var alone = await CallsAsync(management);
            var clock = Stopwatch.StartNew();
            var failed = await RotateAsync(api, "fleet", [.. Enumerable.Range(1, count).Select(i => $"gateway-{i:000}")]);
            var rotated = clock.Elapsed;
            await RetiredAsync(api, count + 1);
            var retired = clock.Elapsed;
            var resting = await RestingAsync(api, count);
            var perMinute = count / retired.TotalMinutes;
            var (bound, ceiling) = Ceiling(alone);
            report($"{count} devices rotate under the default quotas", Show($"{count - failed} succeeded after {rotated.TotalSeconds:0} s, the old certificates were gone after {retired.TotalSeconds:0} s; {resting} are left with one"));
            report("Rotations a minute, against what the quotas allow", Show($"{perMinute:0} of {ceiling:0} ({perMinute / ceiling:P0}); bound by {bound}"));
            return failed == 0 && resting == count;
        }
        finally
        {
            await Task.WhenAll(devices.Select(d => d.DisposeAsync().AsTask()));
            cloud.Kill(entireProcessTree: true);
            await cloud.WaitForExitAsync();
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task RegisterAsync(SignedApi api, string thing, FleetDevice device)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest($"CN={thing}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        await api.CallAsync("iot", "POST", $"/things/{thing}", "{}");
        var made = await PacedAsync(() => api.CallAsync(
            "iot", "POST", "/certificates", new JsonObject { ["certificateSigningRequest"] = csr }.ToJsonString(), "setAsActive=true"));
        var arn = made["certificateArn"]!.ToString();
        await PacedAsync(() => api.CallAsync("iot", "PUT", "/target-policies/device", new JsonObject { ["target"] = arn }.ToJsonString()));
        await PacedAsync(() => api.CallAsync(
            "iot", "PUT", $"/things/{thing}/principals", "", "thingPrincipalType=EXCLUSIVE_THING", ("x-amzn-principal", arn)));
        device.Install(key.ExportPkcs8PrivateKeyPem(), made["certificatePem"]!.ToString());
    }

    /// <returns>How many did not succeed.</returns>
    private static async Task<int> RotateAsync(SignedApi api, string job, string[] things)
    {
        var body = new JsonObject
        {
            ["targets"] = new JsonArray([.. things.Select(t => (JsonNode)$"arn:aws:iot:us-east-1:012345678901:thing/{t}")]),
            ["document"] = """{"operation":"ROTATE_CERTIFICATE"}""",
        };
        await api.CallAsync("iot", "PUT", $"/jobs/{job}", body.ToJsonString());
        for (var second = 0; second < 1800; second++)
        {
            await Task.Delay(1000);
            var details = (await api.CallAsync("iot", "GET", $"/jobs/{job}"))["job"]!["jobProcessDetails"]!;
            int Number(string name) => details[name]?.GetValue<int>() ?? 0;
            var open = Number("numberOfQueuedThings") + Number("numberOfInProgressThings");
            var succeeded = Number("numberOfSucceededThings");
            if (open == 0 && succeeded + Number("numberOfFailedThings") + Number("numberOfRejectedThings") + Number("numberOfTimedOutThings") == things.Length)
                return things.Length - succeeded;
        }

        return things.Length;
    }

    /// <summary>Until there are no more certificates than things, or two minutes are over.</summary>
    private static async Task RetiredAsync(SignedApi api, int things)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromMinutes(2); await Task.Delay(500))
        {
            var (found, marker) = (0, (string?)"");
            while (marker is not null)
            {
                var page = await api.CallAsync(
                    "iot", "GET", "/certificates", "", (marker.Length > 0 ? $"marker={Uri.EscapeDataString(marker)}&" : "") + "pageSize=250");
                found += page["certificates"]!.AsArray().Count;
                marker = page["nextMarker"]?.ToString();
            }

            if (found == things)
                return;
        }
    }

    /// <summary>How many things have one certificate, once all have or two minutes are over.</summary>
    private static async Task<int> RestingAsync(SignedApi api, int count)
    {
        var left = Enumerable.Range(1, count).ToList();
        for (var clock = Stopwatch.StartNew(); left.Count > 0 && clock.Elapsed < TimeSpan.FromMinutes(2);)
        {
            foreach (var i in left.ToList())
            {
                var answer = await PacedAsync(() => api.CallAsync("iot", "GET", $"/things/gateway-{i:000}/principals"));
                if (answer["principals"]!.AsArray().Count == 1)
                    left.Remove(i);
            }

            await Task.Delay(500);
        }

        return count - left.Count;
    }

    /// <summary>The quotas that the calls of one rotation use up first, and how many rotations a minute they allow.</summary>
    private static (string Quotas, double PerMinute) Ceiling(Dictionary<string, int> callsOfOne) =>
        (from line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "default.quotas"))
         let words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
         where words.Length > 1 && double.TryParse(words[0], CultureInfo.InvariantCulture, out _)
         let calls = words[1..].Sum(w => callsOfOne.GetValueOrDefault(w))
         where calls > 0
         let perSecond = double.Parse(words[0], CultureInfo.InvariantCulture)
         group $"{words[1]} ({calls} a rotation, {words[0]} a second)" by perSecond * 60 / calls into allowed
         orderby allowed.Key
         select (string.Join(", ", allowed), allowed.Key)).First();

    /// <summary>Until nothing has called for three seconds.</summary>
    private static async Task QuietAsync(HttpClient management)
    {
        var (before, quiet) = (-1, 0);
        for (var i = 0; quiet < 3 && i < 300; i++)
        {
            await Task.Delay(1000);
            var now = (await ReadCallsAsync(management)).Where(c => !c.Key.StartsWith("iot:DescribeJob", StringComparison.Ordinal)).Sum(c => c.Value);
            (before, quiet) = (now, now == before ? quiet + 1 : 0);
        }
    }

    private static async Task<Dictionary<string, int>> CallsAsync(HttpClient management)
    {
        var calls = await ReadCallsAsync(management);
        // A delete is refused, and asked for again, until the detaching before it has arrived: how often is chance.
        calls["iot:DeleteCertificate"] = Math.Min(calls.GetValueOrDefault("iot:DeleteCertificate"), 1);
        // Those are this benchmark's own.
        foreach (var own in (string[])["iot:CreateJob", "iot:DescribeJob"])
            calls.Remove(own);
        return calls;
    }

    private static async Task<Dictionary<string, int>> ReadCallsAsync(HttpClient management) =>
        JsonSerializer.Deserialize<Dictionary<string, int>>(await management.GetStringAsync("/calls"))!;

    private static async Task<JsonNode> PacedAsync(Func<Task<JsonNode>> call)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (InvalidOperationException refused) when (attempt < 600 && refused.Message.Contains("Rate exceeded", StringComparison.Ordinal))
            {
                await Task.Delay(100);
            }
        }
    }

    private static string Show(FormattableString text) => FormattableString.Invariant(text);
}
