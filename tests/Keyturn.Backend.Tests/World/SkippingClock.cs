using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Backend.Tests.World;

/// <summary>Stands still until somebody waits by it: then the time waited for has passed at once.</summary>
internal sealed class SkippingClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero)
        {
            Advance(dueTime);
        }

        return timer;
    }
}
