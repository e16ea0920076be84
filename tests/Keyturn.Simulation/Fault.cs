using System.Globalization;

namespace Keyturn.Simulation;

/// <summary>What can go wrong.</summary>
internal enum FaultKind
{
    // A message.
    Drop,
    Duplicate,

    /// <summary>A second copy comes ten minutes later.</summary>
    Replay,
    Delay,

    /// <summary>It comes when everybody has given up on it.</summary>
    Late,

    /// <summary>The next message in this direction overtakes it.</summary>
    Reorder,

    // A call that a function makes.
    FailBefore,
    FailAfter,
    Throttle,
    KillBefore,
    KillAfter,
    Slow,

    /// <summary>For two hours every call of the service that it is a call of fails.</summary>
    Outage,

    // The device.
    KillComponent,
    LosePower,
    RestartNucleus,
    Ignore,
    Refuse,

    // The operator, and others.
    Cancel,
    Remove,
    TimeOut,
    SecondJob,

    /// <summary>The job that is under way is deleted, and made anew under its name.</summary>
    Recreate,

    /// <summary>Answers to other components' requests, and forged ones, are heard on the device.</summary>
    Foreign,

    /// <summary>Another client with the certificate that is in use commits and attests for the thing.</summary>
    Impostor,

    /// <summary>For two hours the cloud refuses whoever connects with a certificate of the thing, whichever.</summary>
    Shut,
}

/// <param name="Point">Where it strikes: the n-th time that something of this name happens.</param>
internal sealed record Fault(FaultKind Kind, string Point)
{
    public static Fault Parse(string text) => text.Split('@') is [var kind, var point] && Enum.TryParse<FaultKind>(kind, out var known)
        ? new Fault(known, point)
        : throw new FormatException($"'{text}' is not a fault; one looks like Drop@create#1");

    public override string ToString() => $"{Kind}@{Point}";
}

/// <summary>A run to be made: everything that distinguishes it from any other.</summary>
/// <param name="NoEvents">Job events are switched off in the account: no function hears of a job's end.</param>
/// <param name="Retries">The jobs have a retry configuration: an execution that fails or times out is queued again, twice at most.</param>
internal sealed record Schedule(IReadOnlyList<Fault> Faults, int Seed = 0, bool NoEvents = false, bool Retries = false)
{
    private const string WithoutEvents = "no-events", WithRetries = "retries";

    public static readonly Schedule Quiet = new([]);

    public static Schedule Parse(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var seed = words.FirstOrDefault(w => w.StartsWith("seed=", StringComparison.Ordinal));
        return new Schedule(
            [.. words.Where(w => w != seed && w is not (WithoutEvents or WithRetries)).Select(Fault.Parse)],
            seed is null ? 0 : int.Parse(seed.AsSpan(5), CultureInfo.InvariantCulture),
            words.Contains(WithoutEvents),
            words.Contains(WithRetries));
    }

    public override string ToString() =>
        string.Join(' ', Faults.Select(f => f.ToString())
            .Concat(NoEvents ? [WithoutEvents] : [])
            .Concat(Retries ? [WithRetries] : [])
            .Concat(Seed == 0 ? [] : [string.Create(CultureInfo.InvariantCulture, $"seed={Seed}")]));
}

internal enum PointKind
{
    /// <summary>The device hands a message over.</summary>
    Sent,

    /// <summary>A message on its way to the device, or an event to a function.</summary>
    Message,
    Call,
    Disk,
    Probe,
    Restart,
}

internal sealed record Point(string Name, PointKind Kind);

/// <summary>Names everything that happens by what it is and how often it happened before, and says which faults strike there.</summary>
internal sealed class Points(Schedule schedule)
{
    private readonly Dictionary<string, int> _counts = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly Dictionary<string, FaultKind[]> _faults =
        schedule.Faults.GroupBy(f => f.Point).ToDictionary(g => g.Key, g => g.Select(f => f.Kind).ToArray());

    public List<Point> Seen { get; } = [];

    public int Struck { get; private set; }

    /// <summary>From here on nothing goes wrong.</summary>
    public bool AreOver { get; set; }

    public FaultKind[] Reach(string name, PointKind kind)
    {
        if (Environment.CurrentManagedThreadId != _thread)
            throw new InvalidOperationException($"{name} happened on a second thread: this run can't be repeated");
        var count = _counts[name] = _counts.GetValueOrDefault(name) + 1;
        var point = new Point(string.Create(CultureInfo.InvariantCulture, $"{name}#{count}"), kind);
        Seen.Add(point);
        if (AreOver)
            return [];
        var faults = _faults.GetValueOrDefault(point.Name, []);
        Struck += faults.Length;
        return faults;
    }

    public static int OrdinalOf(Point point) => int.Parse(point.Name.AsSpan(point.Name.LastIndexOf('#') + 1), CultureInfo.InvariantCulture);

    /// <summary>Every fault that can strike there.</summary>
    public static IEnumerable<Fault> At(Point point)
    {
        FaultKind[] message = [FaultKind.Drop, FaultKind.Duplicate, FaultKind.Replay, FaultKind.Delay, FaultKind.Late, FaultKind.Reorder];
        FaultKind[] others = [FaultKind.RestartNucleus, FaultKind.KillComponent, FaultKind.LosePower, FaultKind.Cancel, FaultKind.Remove, FaultKind.TimeOut, FaultKind.SecondJob, FaultKind.Foreign, FaultKind.Impostor];
        FaultKind[] call = [FaultKind.FailBefore, FaultKind.FailAfter, FaultKind.Throttle, FaultKind.KillBefore, FaultKind.KillAfter, FaultKind.Slow, FaultKind.Outage];
        FaultKind[] kinds = point.Kind switch
        {
            PointKind.Sent or PointKind.Message => [.. message, .. others, FaultKind.Recreate, FaultKind.Shut],
            PointKind.Call => [.. call, .. others],
            PointKind.Disk => [FaultKind.KillComponent, FaultKind.LosePower],
            PointKind.Probe => [FaultKind.Drop, FaultKind.Refuse, .. others, FaultKind.Shut],
            PointKind.Restart => [FaultKind.Ignore, FaultKind.Refuse, .. others, FaultKind.Shut],
            _ => throw new ArgumentOutOfRangeException(nameof(point)),
        };
        return kinds.Select(k => new Fault(k, point.Name));
    }
}
