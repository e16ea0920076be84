namespace Keyturn.Device.Tests;

/// <summary>Whose pauses are remembered, and over at once or after the longest.</summary>
internal sealed class HastyTime(TimeSpan longest = default) : TimeProvider
{
    private readonly List<TimeSpan> _pauses = [];

    public TimeSpan[] Pauses
    {
        get
        {
            lock (_pauses)
                return [.. _pauses];
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (_pauses)
            _pauses.Add(dueTime);
        return base.CreateTimer(callback, state, dueTime < longest ? dueTime : longest, period);
    }
}
