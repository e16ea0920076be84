namespace Keyturn.Device.Tests.Crash;

/// <summary>A clock that jumps to whatever is waited for, so that a simulation waits for nothing. A wait of half an hour or more is rest.</summary>
internal sealed class HastyTime : TimeProvider
{
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(30);
    private TaskCompletionSource _atRest = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _now;

    public Task AtRest => _atRest.Task;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Wake() => _atRest = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public override DateTimeOffset GetUtcNow() => CertificateAuthority.Now.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer();
        // A device that is still waiting for this and that after days will not come to rest.
        if (dueTime >= Rest || GetTimestamp() > TimeSpan.TicksPerDay * 3)
        {
            _atRest.TrySetResult();
        }
        else if (dueTime != global::System.Threading.Timeout.InfiniteTimeSpan)
        {
            Interlocked.Add(ref _now, dueTime.Ticks);
            ThreadPool.QueueUserWorkItem(_ =>
            {
                lock (timer)
                {
                    if (!timer.IsDisposed)
                        callback(state);
                }
            });
        }
        return timer;
    }

    private sealed class Timer : ITimer
    {
        public bool IsDisposed { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose()
        {
            lock (this)
                IsDisposed = true;
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
