using System.Collections.Concurrent;
using System.Text.Json;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.EndToEnd.Tests;

/// <summary>The AWS CLI of the distribution.</summary>
internal abstract class AwsCli
{
    private static readonly IReadOnlyDictionary<string, string> OfLocalClouds = new Dictionary<string, string>
    {
        ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = "test", ["AWS_DEFAULT_REGION"] = "us-east-1", ["AWS_PAGER"] = "",
    };

    /// <summary>For a local cloud. It is kept loaded, for starting it takes a hundred times as long as what it then does.</summary>
    public static AwsCli Of(Uri api) => new Loaded(api);

    /// <summary>For a local cloud, and started for each command, as from a shell.</summary>
    public static AwsCli Started(Uri api) => new Program(api, OfLocalClouds);

    /// <summary>With the credentials and the region of who runs the tests.</summary>
    public static AwsCli OfThisShell(Uri? endpoint) => new Program(endpoint, new Dictionary<string, string> { ["AWS_PAGER"] = "" });

    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"aws {string.Join(' ', arguments)}: {result.Error}");
        return result.Output.Length == 0 ? default : JsonDocument.Parse(result.Output).RootElement;
    }

    public abstract Task<ShellResult> RunAsync(params string[] arguments);

    private static string[] Complete(Uri? endpoint, string[] arguments) =>
        [.. endpoint is null ? (string[])[] : ["--endpoint-url", endpoint.ToString()], "--output", "json", .. arguments];

    private sealed class Program(Uri? endpoint, IReadOnlyDictionary<string, string> environment) : AwsCli
    {
        public override Task<ShellResult> RunAsync(params string[] arguments) => Shell.RunAsync("/usr/bin/aws", Complete(endpoint, arguments), environment);
    }

    /// <summary>Two processes for all tests. They end with this one, which holds the other end of their input.</summary>
    private sealed class Loaded(Uri api) : AwsCli
    {
        private static readonly SemaphoreSlim Two = new(2);
        private static readonly ConcurrentBag<AwsSession> Idle = [];

        public override async Task<ShellResult> RunAsync(params string[] arguments)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            await Two.WaitAsync(timeout.Token);
            var session = Idle.TryTake(out var idle) ? idle : new AwsSession(OfLocalClouds);
            try
            {
                timeout.CancelAfter(TimeSpan.FromSeconds(60));
                var answer = await session.RunAsync(Complete(api, arguments), timeout.Token);
                Idle.Add(session);
                return new ShellResult(answer.Code, answer.Output, answer.Error);
            }
            catch (Exception e)
            {
                // Its next answer would be this command's.
                session.Dispose();
                if (e is OperationCanceledException)
                    throw new TimeoutException($"aws {string.Join(' ', arguments)} did not end");
                throw;
            }
            finally
            {
                Two.Release();
            }
        }
    }
}
