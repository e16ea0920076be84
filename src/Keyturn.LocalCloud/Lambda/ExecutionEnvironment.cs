using System.Diagnostics;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Hosting;
using Keyturn.LocalCloud.Iam;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>
/// One process of a function, and the Runtime API that only it talks to.
/// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
/// </summary>
internal sealed class ExecutionEnvironment : IAsyncDisposable
{
    private readonly LambdaFunction _function;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly RuntimeApi _runtime;
    private readonly AccessKeys _keys;
    private readonly AccessKey _key;
    private readonly string _logGroup;
    private readonly string _logStream;
    private HttpPlane? _plane;
    private Process? _process;

    private ExecutionEnvironment(LambdaFunction function, AccessKeys keys, TimeProvider time, ILogger log)
    {
        (_function, _keys, _time, _log) = (function, keys, time, log);
        _runtime = new RuntimeApi(function, time);
        _key = keys.IssueForRole(function.Role.Name, function.Name);
        _logGroup = function.LogGroup ?? $"/aws/lambda/{function.Name}";
        _logStream = $"{time.GetUtcNow():yyyy/MM/dd}/[$LATEST]{Guid.NewGuid():N}";
    }

    /// <summary>The configuration it was started with; after an update it is no longer used.</summary>
    public LambdaFunction Function => _function;

    /// <summary>What the process signs with.</summary>
    public string AccessKeyId => _key.Id;

    public bool IsAlive => _process is { HasExited: false };

    public static async Task<ExecutionEnvironment> StartAsync(
        LambdaFunction function, string executable, string apiUrl, AccessKeys keys, TimeProvider time, ILoggerFactory logs)
    {
        var log = logs.CreateLogger("Function");
        var environment = new ExecutionEnvironment(function, keys, time, log);
        try
        {
            environment._plane = await HttpPlane.StartAsync("runtime", 0, environment._runtime.HandleAsync, logs);
            environment._process = environment.Launch(executable, apiUrl);
            return environment;
        }
        catch
        {
            await environment.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs one event to its end. Afterwards the environment may be dead: a timeout kills it, a crash is its own doing.</summary>
    /// <exception cref="OperationCanceledException">The cloud ends, and the process with it: that is no failure of the function.</exception>
    public async Task<InvocationResult> InvokeAsync(Invocation invocation, CancellationToken ending)
    {
        var started = _time.GetTimestamp();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(_function.TimeoutSeconds), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ending);
        _runtime.Offer(invocation);
        try
        {
            var ended = _process!.WaitForExitAsync(either.Token);
            if (await Task.WhenAny(invocation.Result, ended) == ended && !invocation.Result.IsCompleted)
            {
                await ended;
                ending.ThrowIfCancellationRequested();
                invocation.Fail("Runtime.ExitError", $"RequestId: {invocation.RequestId} Error: Runtime exited with error: exit status {_process.ExitCode}");
            }
        }
        catch (OperationCanceledException)
        {
            Kill();
            ending.ThrowIfCancellationRequested();
            invocation.Fail("Sandbox.Timedout", $"RequestId: {invocation.RequestId} Error: Task timed out after {_function.TimeoutSeconds}.00 seconds");
        }

        _log.FunctionEnded(_function.Name, invocation.RequestId, (long)_time.GetElapsedTime(started).TotalMilliseconds);
        return await invocation.Result;
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        _keys.Revoke(_key);
        if (_plane is not null)
            await _plane.DisposeAsync();
        _process?.Dispose();
    }

    private Process Launch(string executable, string apiUrl)
    {
        var start = new ProcessStartInfo(executable)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = Path.GetDirectoryName(Path.GetFullPath(executable)),
        };
        // Nothing of this process's own environment but what a program needs to start at all.
        var inherited = new Dictionary<string, string?>(start.Environment, StringComparer.Ordinal);
        start.Environment.Clear();
        foreach (var name in (string[])["PATH", "DOTNET_ROOT", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"])
        {
            if (inherited.TryGetValue(name, out var value))
                start.Environment[name] = value;
        }

        foreach (var (name, value) in Variables(apiUrl))
            start.Environment[name] = value;
        foreach (var (name, value) in _function.Environment)
            start.Environment[name] = value;
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Forward(line.Data);
        process.ErrorDataReceived += (_, line) => Forward(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        _log.FunctionStarted(_function.Name, process.Id);
        CheckLog();
        return process;
    }

    private Dictionary<string, string> Variables(string apiUrl) => new(StringComparer.Ordinal)
    {
        ["_HANDLER"] = _function.Handler,
        ["AWS_LAMBDA_RUNTIME_API"] = $"127.0.0.1:{_plane!.Port}",
        ["AWS_LAMBDA_FUNCTION_NAME"] = _function.Name,
        ["AWS_LAMBDA_FUNCTION_VERSION"] = "$LATEST",
        ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = $"{_function.MemoryMegabytes}",
        ["AWS_LAMBDA_LOG_GROUP_NAME"] = _logGroup,
        ["AWS_LAMBDA_LOG_STREAM_NAME"] = _logStream,
        ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "on-demand",
        ["AWS_REGION"] = CloudAccount.Local.Region,
        ["AWS_DEFAULT_REGION"] = CloudAccount.Local.Region,
        ["AWS_ACCESS_KEY_ID"] = _key.Id,
        ["AWS_SECRET_ACCESS_KEY"] = _key.Secret,
        ["AWS_SESSION_TOKEN"] = _key.SessionToken!,
        ["AWS_ENDPOINT_URL"] = apiUrl,
        ["LAMBDA_TASK_ROOT"] = "/var/task",
        ["LAMBDA_RUNTIME_DIR"] = "/var/runtime",
        ["TZ"] = ":UTC",
        ["LANG"] = "en_US.UTF-8",
    };

    /// <summary>Shown here all the same: a developer wants to see why.</summary>
    private void CheckLog()
    {
        var stream = CloudAccount.Local.Arn("logs", $"log-group:{_logGroup}:log-stream:{_logStream}");
        foreach (var action in (string[])["logs:CreateLogStream", "logs:PutLogEvents"])
        {
            if (!_function.Role.May(new IamRequest(action, stream)))
                _log.OutputWouldBeLost(_function.Name, _function.Role.Name, action, _logGroup);
        }
    }

    private void Forward(string? line)
    {
        if (!string.IsNullOrEmpty(line))
            _log.FunctionOutput(_function.Name, line);
    }

    /// <summary>The sandbox is gone from one moment to the next.</summary>
    public void Kill()
    {
        try
        {
            _process?.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It was never started, or ended by itself.
        }
    }
}
