using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Hosting;

/// <summary>The AWS CLI that script/bootstrap installs, against one cloud.</summary>
internal sealed class AwsCli : IDisposable
{
    private readonly Process _session;
    private readonly string _endpoint;
    private readonly SemaphoreSlim _one = new(1);

    public AwsCli(string endpoint)
    {
        _endpoint = endpoint;
        var start = new ProcessStartInfo("/usr/bin/python3")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Hosting", "aws-session.py") },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["AWS_ACCESS_KEY_ID"] = "test";
        start.Environment["AWS_SECRET_ACCESS_KEY"] = "test";
        start.Environment["AWS_DEFAULT_REGION"] = "us-east-1";
        start.Environment["AWS_CONFIG_FILE"] = "/dev/null";
        start.Environment["AWS_MAX_ATTEMPTS"] = "1";
        start.Environment["AWS_PAGER"] = "";
        start.Environment["PYTHONWARNINGS"] = "ignore";
        _session = Process.Start(start)!;
    }

    /// <summary>Runs a command that must succeed.</summary>
    public async Task<JsonNode> RunAsync(params string[] arguments)
    {
        var output = await RunTextAsync(arguments);
        return output.Trim().Length == 0 ? new JsonObject() : JsonNode.Parse(output)!;
    }

    /// <summary>Runs a command that must succeed and whose output is for people.</summary>
    public async Task<string> RunTextAsync(params string[] arguments)
    {
        var answer = await CallAsync(arguments);
        Assert.True(answer["code"]!.GetValue<int>() == 0, $"aws {string.Join(' ', arguments)}: {answer["err"]} {answer["out"]}");
        return answer["out"]!.ToString();
    }

    /// <summary>Runs a command that must be refused, and gives the error's code.</summary>
    public async Task<string> RefusedAsync(params string[] arguments)
    {
        var answer = await CallAsync(arguments);
        Assert.True(answer["code"]!.GetValue<int>() != 0, $"aws {string.Join(' ', arguments)} was not refused: {answer["out"]}");
        var error = answer["err"]!.ToString();
        var start = error.IndexOf("An error occurred (", StringComparison.Ordinal);
        Assert.True(start >= 0, error);
        start += "An error occurred (".Length;
        return error[start..error.IndexOf(')', start)];
    }

    public void Dispose()
    {
        _session.Kill();
        _session.Dispose();
        _one.Dispose();
    }

    private async Task<JsonNode> CallAsync(string[] arguments)
    {
        await _one.WaitAsync();
        try
        {
            await _session.StandardInput.WriteLineAsync(
                JsonSerializer.Serialize((string[])[.. arguments, "--endpoint-url", _endpoint, "--output", "json", "--cli-binary-format", "raw-in-base64-out"]));
            await _session.StandardInput.FlushAsync();
            var line = await _session.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the AWS CLI ended");
            return JsonNode.Parse(line)!;
        }
        finally
        {
            _one.Release();
        }
    }
}
