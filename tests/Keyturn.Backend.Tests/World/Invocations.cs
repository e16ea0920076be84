using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Tests.World;

/// <summary>
/// Calls of the functions, each at its time on the cloud's clock. The ports that they call fail or kill them at random, and what Lambda
/// has taken over is tried twice more, the last time in peace: an event that fails then is a dead letter, of which the stack's alarm tells.
/// </summary>
/// <param name="trouble">How likely one call of a port goes wrong; 0: none does.</param>
internal sealed class Invocations(Cloud cloud, Random random, double trouble)
{
    private static readonly TimeSpan[] PausesOfLambda = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2)];

    private readonly PriorityQueue<Func<Task>, (DateTimeOffset At, int Order)> _due = new();
    private readonly DateTimeOffset _begin = cloud.Clock.GetUtcNow();
    private int _order;
    private int _underWay;

    public List<string> Story { get; } = [];

    public bool InPeace { get; set; }

    /// <summary>Messages to the operators that went out and were not noted as sent: each may go out twice.</summary>
    public int SentUnnoted { get; private set; }

    public void Tell(string what) => Story.Add(FormattableString.Invariant($"{(cloud.Clock.GetUtcNow() - _begin).TotalSeconds,9:0.0} {what}"));

    public void After(TimeSpan pause, Func<Task> act) => _due.Enqueue(act, (cloud.Clock.GetUtcNow() + pause, _order++));

    public async Task WaitAsync(TimeSpan time)
    {
        var until = cloud.Clock.GetUtcNow() + time;
        while (_due.TryPeek(out var act, out var due) && due.At <= until)
        {
            _due.Dequeue();
            AdvanceTo(due.At);
            await act();
        }

        AdvanceTo(until);
    }

    public async Task WaitForAllAsync()
    {
        while (_underWay > 0)
        {
            await WaitAsync(TimeSpan.FromMinutes(1));
        }
    }

    /// <summary>By Lambda, after as long as its message or event is on the way.</summary>
    public void Deliver(TimeSpan pause, string what, Func<Task> function, int attempt = 0)
    {
        _underWay++;
        After(pause, async () =>
        {
            _underWay--;
            await InvokeAsync(what, function, attempt);
        });
    }

    public async Task InvokeAsync(string what, Func<Task> function, int attempt = 0)
    {
        Tell(what);
        var isLast = attempt == PausesOfLambda.Length;
        if (!await TryAsync(what, function, isLast) && !isLast)
        {
            Deliver(PausesOfLambda[attempt], $"{what}, again", function, attempt + 1);
        }
    }

    /// <returns>True when it went through.</returns>
    public async Task<bool> TryAsync(string what, Func<Task> function, bool inPeace = false)
    {
        cloud.Faults.FailWith = inPeace || InPeace || trouble == 0 ? null : call => FaultAt(call, what);
        try
        {
            await function();
            return true;
        }
        catch (Exception exception) when (exception is DependencyException or UntoldException or ProcessKilledException)
        {
            return false;
        }
        finally
        {
            cloud.Faults.FailWith = null;
        }
    }

    private Exception? FaultAt(string call, string what)
    {
        // SNS is down for longer than others are: what is not told at once is what most orders differ in.
        var (failing, killing) = call == "sns.Publish" ? (0.25, 0.1) : (trouble / 2, trouble / 2);
        var drawn = random.NextDouble();
        if (drawn >= failing + killing)
        {
            return null;
        }

        Tell($"  {what} {(drawn < failing ? "fails" : "is killed")} at {call}");
        if (call == "ledger.MarkNoticeSent")
        {
            SentUnnoted++;
        }

        return drawn < failing ? new DependencyException("any", call, "ThrottlingException", "too many requests") : new ProcessKilledException(call);
    }

    private void AdvanceTo(DateTimeOffset time)
    {
        // Whoever waited by the clock has moved it already.
        if (time > cloud.Clock.GetUtcNow())
        {
            cloud.Clock.Advance(time - cloud.Clock.GetUtcNow());
        }
    }
}

internal static class Draws
{
    public static bool Chance(this Random random, double likelihood) => random.NextDouble() < likelihood;

    /// <summary>Half of them whole seconds: an event has no finer time, and what meets in one second is what it can't tell apart.</summary>
    public static TimeSpan UpTo(this Random random, double seconds) =>
        TimeSpan.FromSeconds(Math.Round(random.NextDouble() * seconds, random.Chance(0.5) ? 0 : 3));
}
