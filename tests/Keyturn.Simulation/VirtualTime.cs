namespace Keyturn.Simulation;

/// <summary>The only clock and the only queue of a simulation: whatever is to happen, happens here, one after the other, on one thread.</summary>
internal sealed class VirtualTime(DateTimeOffset start) : TimeProvider
{
    private readonly PriorityQueue<Action, (long Due, long Order)> _queue = new();
    private long _now, _order;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Now => TimeSpan.FromTicks(_now);

    public override long GetTimestamp() => _now;

    public override DateTimeOffset GetUtcNow() => start.AddTicks(_now);

    public void After(TimeSpan pause, Action action) => _queue.Enqueue(action, (_now + Math.Max(pause.Ticks, 0), _order++));

    /// <summary>Runs all that is due until then.</summary>
    public void RunUntil(TimeSpan end)
    {
        while (_queue.TryPeek(out var action, out var at) && at.Due <= end.Ticks)
        {
            _queue.Dequeue();
            _now = at.Due;
            action();
        }
        _now = end.Ticks;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(VirtualTime time, Action callback) : ITimer
    {
        private int _generation;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var generation = ++_generation;
            if (dueTime != Timeout.InfiniteTimeSpan)
                time.After(dueTime, () => Ring(generation));
            return true;
        }

        public void Dispose() => _generation++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Ring(int generation)
        {
            if (generation == _generation)
                callback();
        }
    }
}
