using System.Diagnostics;
using System.Text.Json;

namespace Keyturn.EndToEnd.Tests;

/// <summary>Runs other people's programs, as a person would from a shell.</summary>
internal static class Shell
{
    public static async Task<ShellResult> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, TimeSpan? patience = null)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true },
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            process.StartInfo.Environment[name] = value;
        process.Start();
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(patience ?? TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end");
        }

        return new ShellResult(process.ExitCode, await output, await error);
    }
}

internal sealed record ShellResult(int ExitCode, string Output, string Error)
{
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>The AWS CLI of the distribution.</summary>
internal sealed class AwsCli
{
    private readonly string[] _endpoint;
    private readonly IReadOnlyDictionary<string, string> _environment;

    private AwsCli(Uri? endpoint, IReadOnlyDictionary<string, string> environment) =>
        (_endpoint, _environment) = (endpoint is null ? [] : ["--endpoint-url", endpoint.ToString()], environment);

    /// <summary>Pointed at a local cloud.</summary>
    public AwsCli(Uri api)
        : this(api, new Dictionary<string, string>
        {
            ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = "test", ["AWS_DEFAULT_REGION"] = "us-east-1", ["AWS_PAGER"] = "",
        })
    {
    }

    /// <summary>With the credentials and the region of who runs the tests.</summary>
    public static AwsCli OfThisShell(Uri? endpoint) => new(endpoint, new Dictionary<string, string> { ["AWS_PAGER"] = "" });

    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"aws {string.Join(' ', arguments)}: {result.Error}");
        return result.Output.Length == 0 ? default : JsonDocument.Parse(result.Output).RootElement;
    }

    public Task<ShellResult> RunAsync(params string[] arguments) =>
        Shell.RunAsync("/usr/bin/aws", [.. _endpoint, "--output", "json", .. arguments], _environment);
}
