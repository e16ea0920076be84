using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>The functions of the account: invoked and waited for, or asynchronously with retries.</summary>
internal sealed class LambdaService(
    string? executable, Func<string> apiUrl, AccessKeys keys, Lazy<IDeadLetters> deadLetters, TimeSpan retryDelay, TimeProvider time, ILoggerFactory logs)
    : IAsyncDisposable
{
    private readonly ILogger _log = logs.CreateLogger("Lambda");
    private readonly ConcurrentDictionary<string, Entry> _functions = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _ending = new();

    public IEnumerable<LambdaFunction> Functions => _functions.Values.Select(e => e.Function).OrderBy(f => f.Name, StringComparer.Ordinal);

    public LambdaFunction Add(LambdaFunction function)
    {
        var entry = new Entry(function);
        entry.Pool = new FunctionPool(() => entry.Function, executable, apiUrl, keys, time, logs);
        return _functions.TryAdd(function.Name, entry) ? function : throw new FormatException($"there is a function {function.Name} already");
    }

    /// <param name="name">A name, a partial ARN or an ARN, with or without a qualifier.</param>
    public LambdaFunction? Find(string name) => _functions.GetValueOrDefault(NameOf(name))?.Function;

    public LambdaFunction Update(string name, Func<LambdaFunction, LambdaFunction> change)
    {
        var entry = _functions[NameOf(name)];
        lock (entry)
        {
            entry.Function = change(entry.Function) with { RevisionId = Guid.NewGuid().ToString() };
            return entry.Function;
        }
    }

    /// <summary>Runs the function and waits for its answer. A caller who gives up does not stop it: it runs to its end, as on AWS.</summary>
    public Task<InvocationResult> InvokeAsync(string name, string requestId, ReadOnlyMemory<byte> payload, CancellationToken cancellation) =>
        RunAsync(_functions[NameOf(name)], requestId, payload).WaitAsync(cancellation);

    private async Task<InvocationResult> RunAsync(Entry entry, string requestId, ReadOnlyMemory<byte> payload)
    {
        // Who asks for an answer is sent away when all that is reserved is in use; events wait. Without a reservation it is this machine that is full.
        var waits = entry.Function.ReservedConcurrency is null;
        var result = await entry.Pool!.InvokeAsync(requestId, payload, waits, _ending.Token)
            ?? throw new ApiException(429, "TooManyRequestsException", "Rate Exceeded.", new() { ["Reason"] = "ReservedFunctionConcurrentInvocationLimitExceeded", ["Type"] = "User" });
        if (result.FunctionError is not null)
            _log.FunctionFailed(entry.Function.Name, requestId, 1, Encoding.UTF8.GetString(result.Payload.Span));
        return result;
    }

    /// <summary>Takes the event and returns; it is tried until the function answers or its retries are used up.</summary>
    public void Enqueue(string name, string requestId, ReadOnlyMemory<byte> payload) =>
        _ = RunEventAsync(_functions[NameOf(name)], requestId, payload);

    /// <summary>Kills the process that signs with this key.</summary>
    public void Kill(string accessKeyId)
    {
        foreach (var entry in _functions.Values)
            entry.Pool!.Kill(accessKeyId);
    }

    public static string NameOf(string nameOrArn)
    {
        var parts = nameOrArn.Split(':');
        var at = Array.IndexOf(parts, "function");
        return at >= 0 && at + 1 < parts.Length ? parts[at + 1] : parts[0];
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await Task.WhenAll(_functions.Values.Select(e => e.Pool!.DisposeAsync().AsTask()));
    }

    private async Task RunEventAsync(Entry entry, string requestId, ReadOnlyMemory<byte> payload)
    {
        try
        {
            var arrived = time.GetUtcNow();
            for (var attempt = 1; ; attempt++)
            {
                var result = (await entry.Pool!.InvokeAsync(requestId, payload, waits: true, _ending.Token))!;
                var function = entry.Function;
                if (result.FunctionError is null)
                    return;
                var error = Encoding.UTF8.GetString(result.Payload.Span);
                _log.FunctionFailed(function.Name, requestId, attempt, error);
                if (attempt > function.MaxRetries || time.GetUtcNow() - arrived > function.MaxEventAge)
                {
                    GiveUp(function, requestId, payload, attempt, error);
                    return;
                }

                await Task.Delay(retryDelay * attempt, time, _ending.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The cloud ends; so do the events under way.
        }
    }

    private void GiveUp(LambdaFunction function, string requestId, ReadOnlyMemory<byte> payload, int attempts, string error)
    {
        var destination = function.OnFailureArn ?? function.DeadLetterArn;
        _log.EventGivenUp(function.Name, attempts, destination ?? "nowhere");
        if (destination is null)
            return;
        var record = function.OnFailureArn is null
            ? Encoding.UTF8.GetString(payload.Span)
            : new JsonObject
            {
                ["version"] = "1.0",
                ["timestamp"] = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", null),
                ["requestContext"] = new JsonObject
                {
                    ["requestId"] = requestId,
                    ["functionArn"] = function.Arn + ":$LATEST",
                    ["condition"] = "RetriesExhausted",
                    ["approximateInvokeCount"] = attempts,
                },
                ["requestPayload"] = Encoding.UTF8.GetString(payload.Span),
                ["responseContext"] = new JsonObject { ["statusCode"] = 200, ["executedVersion"] = "$LATEST", ["functionError"] = "Unhandled" },
                ["responsePayload"] = error,
            }.ToJsonString();
        deadLetters.Value.Send(function, destination, record);
    }

    private sealed class Entry(LambdaFunction function)
    {
        private LambdaFunction _function = function;

        public LambdaFunction Function
        {
            get => Volatile.Read(ref _function);
            set => Volatile.Write(ref _function, value);
        }

        public FunctionPool? Pool { get; set; }
    }
}

/// <summary>Where events go that a function never took.</summary>
internal interface IDeadLetters
{
    void Send(LambdaFunction function, string destinationArn, string message);
}
