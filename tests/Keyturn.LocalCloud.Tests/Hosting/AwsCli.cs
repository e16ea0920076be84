using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Hosting;

/// <summary>The AWS CLI that script/bootstrap installs, against one cloud.</summary>
internal sealed class AwsCli(string endpoint) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private readonly AwsSession _session = new(new Dictionary<string, string>
    {
        ["AWS_ACCESS_KEY_ID"] = "test",
        ["AWS_SECRET_ACCESS_KEY"] = "test",
        ["AWS_DEFAULT_REGION"] = "us-east-1",
        ["AWS_CONFIG_FILE"] = "/dev/null",
        ["AWS_MAX_ATTEMPTS"] = "1",
        ["AWS_PAGER"] = "",
    });

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
        Assert.True(answer.Code == 0, $"aws {string.Join(' ', arguments)}: {answer.Error} {answer.Output}");
        return answer.Output;
    }

    /// <summary>Runs a command that must be refused, and gives the error's code.</summary>
    public async Task<string> RefusedAsync(params string[] arguments)
    {
        var answer = await CallAsync(arguments);
        Assert.True(answer.Code != 0, $"aws {string.Join(' ', arguments)} was not refused: {answer.Output}");
        var error = answer.Error;
        var start = error.IndexOf("An error occurred (", StringComparison.Ordinal);
        Assert.True(start >= 0, error);
        start += "An error occurred (".Length;
        return error[start..error.IndexOf(')', start)];
    }

    public void Dispose()
    {
        _session.Dispose();
        _one.Dispose();
    }

    private async Task<AwsAnswer> CallAsync(string[] arguments)
    {
        await _one.WaitAsync();
        try
        {
            return await _session.RunAsync([.. arguments, "--endpoint-url", endpoint, "--output", "json", "--cli-binary-format", "raw-in-base64-out"]);
        }
        finally
        {
            _one.Release();
        }
    }
}
