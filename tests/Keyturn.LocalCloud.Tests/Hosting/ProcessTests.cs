using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Hosting;

public sealed class ProcessTests(LocalCloudProcess cloud)
{
    [Fact]
    public void It_prints_where_each_plane_listens_before_ready()
    {
        Assert.Equal(["api", "mqtt", "https", "management", "root-ca", "private-ca", "seed"], cloud.Urls.Keys);
        Assert.StartsWith("http://127.0.0.1:", cloud.Api, StringComparison.Ordinal);
        Assert.StartsWith("localhost:", cloud.Urls["mqtt"], StringComparison.Ordinal);
        Assert.StartsWith("https://localhost:", cloud.Urls["https"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_root_certificate_is_given_unsigned_and_is_the_one_on_disk()
    {
        using var http = new HttpClient();
        Assert.Equal(await File.ReadAllTextAsync(cloud.Urls["root-ca"]), await http.GetStringAsync(cloud.Api + "/root-ca.pem"));
    }

    [Fact]
    public async Task Endpoints_are_those_of_the_planes()
    {
        var data = await cloud.Aws.RunAsync("iot", "describe-endpoint", "--endpoint-type", "iot:Data-ATS");
        var jobs = await cloud.Aws.RunAsync("iot", "describe-endpoint", "--endpoint-type", "iot:Jobs");
        Assert.Equal(cloud.Urls["mqtt"], data["endpointAddress"]!.ToString());
        Assert.Equal(cloud.Urls["https"], "https://" + jobs["endpointAddress"]);
        Assert.Equal("InvalidRequestException", await cloud.Aws.RefusedAsync("iot", "describe-endpoint", "--endpoint-type", "iot:Nonsense"));
    }

    [Fact]
    public async Task A_signal_ends_it_with_every_function_it_started_and_that_is_no_failure_of_theirs()
    {
        var data = Path.Combine(Path.GetTempPath(), $"local-cloud-end-{Guid.NewGuid():N}");
        using var process = LocalCloudProcess.Start(
            "--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--data", data,
            "--template", LocalCloudProcess.Template, "--function-executable", LocalCloudProcess.Function);
        var output = Path.GetTempFileName();
        try
        {
            var log = new StringBuilder();
            var hanging = new TaskCompletionSource();
            process.ErrorDataReceived += (_, line) =>
            {
                log.AppendLine(line.Data);
                if (line.Data?.Contains("hanging", StringComparison.Ordinal) == true)
                    hanging.TrySetResult();
            };
            process.BeginErrorReadLine();
            var api = (await process.StandardOutput.ReadLineAsync())!.Split(' ')[1];
            while (await process.StandardOutput.ReadLineAsync() != "ready")
            {
            }

            using var aws = new AwsCli(api);
            await aws.RunAsync("lambda", "invoke", "--function-name", "bash-echo", "--payload", """{"do":"environment"}""", output);
            var function = JsonNode.Parse(await File.ReadAllTextAsync(output))!["pid"]!.GetValue<int>();
            Assert.True(SignalProcess.Exists(function));

            await aws.RunAsync("lambda", "invoke", "--function-name", "bash-echo", "--invocation-type", "Event", "--payload", """{"do":"hang"}""", output);
            await hanging.Task.WaitAsync(TimeSpan.FromSeconds(30));
            SignalProcess.Terminate(process.Id);
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(0, process.ExitCode);
            Assert.DoesNotContain("error:", log.ToString(), StringComparison.Ordinal);
            for (var i = 0; SignalProcess.Exists(function) && i < 100; i++)
                await Task.Delay(10);
            Assert.False(SignalProcess.Exists(function));
        }
        finally
        {
            // A test that fails half way leaves no cloud behind.
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }

        Directory.Delete(data, recursive: true);
        File.Delete(output);
    }

    [Theory]
    [InlineData("--api-port", "x")]
    [InlineData("--api-port", "70000")]
    [InlineData("--bogus")]
    [InlineData("--template", "/no/such/file")]
    [InlineData("--detach-delay", "-1")]
    [InlineData("--mqtt-port")]
    [InlineData("--private-ca", "dsa")]
    [InlineData("--server-key", "dsa")]
    [InlineData("--parameter", "CaArn")]
    [InlineData("--parameter", "CaArn={private-ca}")]
    [InlineData("--parameter", "A=1", "--parameter", "A=2")]
    public async Task A_wrong_option_is_one_line_and_status_1(params string[] arguments)
    {
        using var process = LocalCloudProcess.Start(arguments);
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(1, process.ExitCode);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.StartsWith("local-cloud: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_and_status_1()
    {
        var port = cloud.Api.Split(':')[2];
        using var process = LocalCloudProcess.Start(
            "--api-port", port, "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--template", LocalCloudProcess.Template);
        var lines = (await process.StandardError.ReadToEndAsync()).TrimEnd().Split('\n');
        await process.WaitForExitAsync();
        Assert.Equal(1, process.ExitCode);
        Assert.Contains($"port {port}", lines[^1], StringComparison.Ordinal);
    }
}
