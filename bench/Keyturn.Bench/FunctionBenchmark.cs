using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Keyturn.Bench;

/// <summary>
/// The deployed Lambda executable against a runtime API of our own that hands it one event and takes its answer. The event is refused
/// by its form and the refusal published to this process, so that the time is the runtime's and ours, not a service's.
/// </summary>
internal static class FunctionBenchmark
{
    /// <summary>A create without its CSR. The refusal is published to the device: one signed call.</summary>
    private static readonly string Event =
        """{"jobId":"rotate-1","clientToken":"bench","thingName":"gateway-01","topic":"awslabs/things/gateway-01/certificate/create","clientId":"gateway-01","principal":"ID"}"""
            .Replace("ID", new string('a', 64), StringComparison.Ordinal);

    public static Task RunAsync(Action<string, string> report) => Starts.MeasureAsync(
        report, "Lambda", "first answer, with one signed call", "after it", Environment.GetEnvironmentVariable("KEYTURN_FUNCTION")!, FirstAnswerAsync);

    private static async Task<(double Milliseconds, double Megabytes, MemoryReading? Memory)> FirstAnswerAsync(string executable)
    {
        var port = FreePort();
        using var listener = new HttpListener();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var start = new ProcessStartInfo(executable) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in FunctionEnvironment(port))
            start.Environment[name] = value;

        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            var (handed, published) = (false, false);
            while (true)
            {
                var context = await listener.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(20));
                var path = context.Request.Url!.AbsolutePath;
                if (path.EndsWith("/invocation/next", StringComparison.Ordinal) && !handed)
                {
                    handed = true;
                    context.Response.Headers["Lambda-Runtime-Aws-Request-Id"] = "11111111-2222-3333-4444-555555555555";
                    context.Response.Headers["Lambda-Runtime-Deadline-Ms"] = DateTimeOffset.UtcNow.AddSeconds(30).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
                    context.Response.Headers["Lambda-Runtime-Invoked-Function-Arn"] = "arn:aws:lambda:us-east-1:012345678901:function:bench";
                    await AnswerAsync(context, Event);
                }
                else if (path.EndsWith("/error", StringComparison.Ordinal))
                {
                    using var reason = new StreamReader(context.Request.InputStream);
                    throw new InvalidOperationException($"the function refused the event: {await reason.ReadToEndAsync()}");
                }
                else if (path.EndsWith("/response", StringComparison.Ordinal))
                {
                    watch.Stop();
                    if (!published)
                        throw new InvalidOperationException("the function answered without publishing its refusal");
                    await AnswerAsync(context, "{}");
                    return (watch.Elapsed.TotalMilliseconds, ProcessReading.ResidentMegabytes(process.Id), MemoryReading.Of(process.Id, executable));
                }
                else
                {
                    published |= path.StartsWith("/topics/", StringComparison.Ordinal);
                    await AnswerAsync(context, "{}");
                }
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static Dictionary<string, string> FunctionEnvironment(int port) => new()
    {
        ["_HANDLER"] = "CreateCertificate",
        ["AWS_LAMBDA_RUNTIME_API"] = $"127.0.0.1:{port}",
        ["AWS_LAMBDA_FUNCTION_NAME"] = "AWSLabsCertificateRotatorCreateCertificate",
        ["AWS_REGION"] = "us-east-1",
        ["AWS_ACCESS_KEY_ID"] = "test",
        ["AWS_SECRET_ACCESS_KEY"] = "test",
        ["AWS_ENDPOINT_URL"] = $"http://127.0.0.1:{port}",
        ["PCA_CA_ARN"] = "",
        ["LEDGER_TABLE"] = "ledger",
        ["JOB_DOCUMENT"] = """{"operation":"ROTATE_CERTIFICATE"}""",
        ["SNS_TOPIC_ARN"] = "arn:aws:sns:us-east-1:012345678901:AWSLabsCertificateRotatorNotification",
    };

    private static async Task AnswerAsync(HttpListenerContext context, string json)
    {
        context.Response.ContentType = "application/json";
        await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(json));
        context.Response.Close();
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
