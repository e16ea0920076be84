using System.Diagnostics;
using System.Text.Json;

namespace Keyturn.LocalCloud.Tests.Hosting;

/// <summary>The AWS CLI, kept loaded in a process: one command after the other runs in it, each with its own arguments, all with one environment.</summary>
internal sealed class AwsSession : IDisposable
{
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);
    private readonly Process _process;

    public AwsSession(IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("/usr/bin/python3")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Hosting", "aws-session.py") },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PYTHONWARNINGS"] = "ignore";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
    }

    public async Task<AwsAnswer> RunAsync(string[] arguments, CancellationToken cancellation = default)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(arguments).AsMemory(), cancellation);
        await _process.StandardInput.FlushAsync(cancellation);
        var line = await _process.StandardOutput.ReadLineAsync(cancellation) ?? throw new InvalidOperationException("the AWS CLI ended");
        return JsonSerializer.Deserialize<AwsAnswer>(line, Web)!;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }
}

internal sealed record AwsAnswer(int Code, string Output, string Error);
