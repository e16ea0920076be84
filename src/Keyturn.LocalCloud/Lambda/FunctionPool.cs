using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>The processes of one function: started when needed, used again while warm, at most a few at a time.</summary>
internal sealed class FunctionPool(
    Func<LambdaFunction> current, string? executable, Func<string> apiUrl, AccessKeys keys, TimeProvider time, ILoggerFactory logs) : IAsyncDisposable
{
    private const int DefaultConcurrency = 10;

    private readonly Lock _gate = new();
    private readonly Stack<ExecutionEnvironment> _idle = new();
    private readonly HashSet<ExecutionEnvironment> _all = [];
    private readonly SemaphoreSlim _slots = new(current().ReservedConcurrency ?? DefaultConcurrency);
    private bool _disposed;

    /// <returns>Null when the function runs as often as it may at a time and the caller does not wait.</returns>
    public async Task<InvocationResult?> InvokeAsync(string requestId, ReadOnlyMemory<byte> payload, bool waits, CancellationToken ending)
    {
        if (!await _slots.WaitAsync(waits ? Timeout.Infinite : 0, ending))
            return null;
        try
        {
            var invocation = new Invocation(requestId, payload);
            if (executable is null)
            {
                invocation.Fail("Runtime.InvalidEntrypoint", "No executable is given for the functions: start local-cloud with --function-executable PATH.");
                return await invocation.Result;
            }

            ExecutionEnvironment environment;
            try
            {
                environment = await TakeAsync(executable);
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
            {
                invocation.Fail("Runtime.InvalidEntrypoint", $"{executable} could not be started: {e.Message}");
                return await invocation.Result;
            }

            try
            {
                return await environment.InvokeAsync(invocation, ending);
            }
            finally
            {
                await GiveBackAsync(environment);
            }
        }
        finally
        {
            _slots.Release();
        }
    }

    public void Kill(string accessKeyId)
    {
        lock (_gate)
            _all.FirstOrDefault(e => e.AccessKeyId == accessKeyId)?.Kill();
    }

    public async ValueTask DisposeAsync()
    {
        List<ExecutionEnvironment> all;
        lock (_gate)
        {
            _disposed = true;
            all = [.. _all];
        }

        await Task.WhenAll(all.Select(e => e.DisposeAsync().AsTask()));
    }

    private async Task<ExecutionEnvironment> TakeAsync(string program)
    {
        while (true)
        {
            ExecutionEnvironment? warm;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                _idle.TryPop(out warm);
            }

            if (warm is null)
                break;
            if (warm.IsAlive && warm.Function == current())
                return warm;
            await DiscardAsync(warm);
        }

        var started = await ExecutionEnvironment.StartAsync(current(), program, apiUrl(), keys, time, logs);
        lock (_gate)
        {
            if (!_disposed)
            {
                _all.Add(started);
                return started;
            }
        }

        await started.DisposeAsync();
        throw new ObjectDisposedException(nameof(FunctionPool));
    }

    private async Task GiveBackAsync(ExecutionEnvironment environment)
    {
        var keep = environment.IsAlive;
        lock (_gate)
        {
            keep &= !_disposed;
            if (keep)
                _idle.Push(environment);
        }

        if (!keep)
            await DiscardAsync(environment);
    }

    private async Task DiscardAsync(ExecutionEnvironment environment)
    {
        lock (_gate)
            _all.Remove(environment);
        await environment.DisposeAsync();
    }
}
