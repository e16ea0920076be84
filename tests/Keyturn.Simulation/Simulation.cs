using Keyturn.Backend;
using Keyturn.Backend.Ports;

namespace Keyturn.Simulation;

/// <param name="Wrong">What was found to be wrong; nothing if all is well.</param>
/// <param name="Points">All that happened in the first half hour.</param>
/// <param name="Later">All that happened after it, until the device was found at rest.</param>
/// <param name="Course">The same for runs in which each taking part saw and did the same in the same order.</param>
internal sealed record Verdict(IReadOnlyList<string> Wrong, IReadOnlyList<Point> Points, IReadOnlyList<Point> Later, int Struck, Lazy<string> Course);

/// <summary>Makes one run: a rotation under the faults of a schedule, rest, another rotation without any, rest.</summary>
internal static class Simulation
{
    private static readonly TimeSpan Opening = TimeSpan.FromMinutes(30), Rest = TimeSpan.FromDays(2), Look = TimeSpan.FromMinutes(30);

    /// <summary>A job that nobody heard the end of is found by the device's daily attest, counted from its last rotation.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromDays(3);

    /// <summary>A job times out after an hour, a message may come three hours late, the cloud may refuse the device for two: until then rest is not to be trusted.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromHours(1), LateQuiet = TimeSpan.FromHours(4);

    public static Verdict Run(Schedule schedule, Weakness weakness = Weakness.None, TextWriter? log = null)
    {
        using var world = new World(schedule, weakness, log);
        var time = world.Time;
        world.Device.Boot();
        time.After(TimeSpan.FromSeconds(30), () => world.Jobs.Queue("job-1"));
        time.RunUntil(Opening);
        var opening = world.Points.Seen.Count;
        // One seed in eight sees two days of rest, whatever they look like.
        var quiet = schedule.Seed % 8 == 1 ? Rest : schedule.Faults.Any(f => f.Kind is FaultKind.Late or FaultKind.Shut or FaultKind.Outage) ? LateQuiet : Quiet;
        AwaitRest(world, "at rest", quiet);
        var rest = world.Points.Seen.Count;
        Show(world, log);
        world.Points.AreOver = true;
        world.Jobs.Queue("next");
        AwaitRest(world, "after the next rotation", quiet == Rest ? Rest : Look);
        var seen = world.Points.Seen;
        return new Verdict(world.Faulty, seen[..opening], seen[opening..rest], world.Points.Struck, new(() => CourseOf(world)));
    }

    private static void Show(World world, TextWriter? log)
    {
        if (log is null)
            return;
        foreach (var r in world.Functions.Ledger.Rotations)
        {
            log.WriteLine($"ledger: {r.JobId} {string.Join(" > ", r.Trail.Select(t => $"{t.State} {t.At:HH:mm:ss}"))}; old {r.Old.Id[..6]}, new {r.New?.Id[..6]}, " +
                $"job ended {r.JobEndedAt}, settled {r.LoserSettled}, unrecorded {r.Unrecorded}");
        }
        foreach (var c in world.Functions.Registry.Certificates.Values)
            log.WriteLine($"registry: {c.Certificate.Id[..6]} {(c.IsActive ? "ACTIVE" : "INACTIVE")}, {c.Things.Count} things, made {c.CreatedAt:HH:mm:ss}");
        foreach (var n in world.Functions.Notices)
            log.WriteLine($"told: {n.Kind} {n.JobId} {n.Code} {n.Reason}");
    }

    private static string CourseOf(World world) => string.Join('\n', world.Points.Seen.Where(p => p.Kind != PointKind.Disk)
        .GroupBy(p => p.Kind == PointKind.Call ? p.Name[..p.Name.IndexOf('/')] : "device")
        .OrderBy(g => g.Key, StringComparer.Ordinal)
        .Select(g => string.Join(' ', g.Select(p => p.Name)))
        .Concat(world.Jobs.Executions.Select(e => $"{e.JobId} {e.Number} {e.Status} {e.Version}"))
        .Concat(world.Functions.Notices.Select(n => $"{n.Kind} {n.JobId} {n.Step} {n.Code}")));

    private static void AwaitRest(World world, string when, TimeSpan quiet)
    {
        var time = world.Time;
        var (begun, problems) = (time.Now, new List<string>());
        time.RunUntil(begun + quiet);
        while ((problems = [.. Problems(world)]).Count > 0 && time.Now < begun + Patience)
            time.RunUntil(time.Now + Look);
        foreach (var problem in problems)
            world.Wrong($"{when}, {problem}");
    }

    private static IEnumerable<string> Problems(World world)
    {
        if (world.Device.State is not Device.Rotation.RotationState.Idle)
            yield return $"the device is {world.Device.State}";
        if (world.Device.InUse is not { } inUse || !world.Admits(inUse))
            yield return "the certificate in use is not accepted";
        var active = world.Functions.Registry.Certificates.Values.Where(c => c.IsActive).ToArray();
        if (active.Length != 1)
            yield return $"{active.Length} certificates are active, {active.Count(c => c.Things.Count > 0)} of them attached";
        if (world.Jobs.Find("next") is { IsOver: true, Status: not "SUCCEEDED" } next)
            yield return $"the next rotation ended as {next.Status}";
        foreach (var problem in world.Jobs.Executions.GroupBy(e => e.JobId).SelectMany(j => ProblemsOf(world, j.Key, [.. j])))
            yield return problem;
    }

    private static IEnumerable<string> ProblemsOf(World world, string jobId, Execution[] executions)
    {
        if (executions.FirstOrDefault(e => !e.IsOver) is { } open)
        {
            yield return $"{jobId} is {open.Status}";
            yield break;
        }
        var notices = world.Functions.Notices.Where(n => n.JobId == jobId).ToArray();
        var failures = notices.Count(n => n.Kind == NoticeKind.RotationFailed);
        // Nobody can tell a message that was sent from one that was not, if the sender died before it could note it.
        var unsure = world.Schedule.Faults.Where(f =>
            (f.Kind is FaultKind.KillAfter or FaultKind.FailAfter or FaultKind.Slow && f.Point.Contains("sns.Publish", StringComparison.Ordinal))
            || (f.Kind is >= FaultKind.FailBefore and <= FaultKind.Outage && f.Point.Contains("MarkNoticeSent", StringComparison.Ordinal)))
            // Throttling and an outage outlast all attempts, and the latter a sweep or two.
            .Sum(f => f.Kind == FaultKind.Outage ? 6 : f.Kind == FaultKind.Throttle ? 3 : 1);
        var told = executions.Select(e => ToldOf(world, e)).ToArray();
        var ended = string.Join(", ", executions.Select(e => e.Status));
        if (failures < told.Count(t => t.Must))
            yield return failures == 0 ? $"nobody was told that {jobId} ended as {ended}" : $"{failures} messages say that {jobId} failed, which ended as {ended}";
        var most = told.Count(t => t.May);
        if (failures > most + (most > 0 ? unsure : 0))
            yield return $"{failures} messages say that {jobId}, {ended}, failed";
        if (notices.FirstOrDefault(n => n.Kind == NoticeKind.Alarm) is { } alarm)
            yield return $"an alarm: {alarm.Code} {alarm.Reason}";
    }

    private static (bool Must, bool May) ToldOf(World world, Execution execution)
    {
        var rotationId = Rotation.IdOf(World.Thing, execution.Described);
        var rotation = world.Functions.Ledger.Rotations.FirstOrDefault(r => r.RotationId == rotationId);
        var wasOpened = rotation is not null;
        // Without its event, nobody hears of a job whose device never got as far as asking, or of one that ended after the commit,
        // when the device's next rotation is faster than the sweep.
        // Nor of an end that its event recorded and then could not tell, three times: a dead letter, of which the stack's alarm tells.
        var isDeadLetter = world.LostEnds.Contains(execution.EventId);
        var isHeardOf = (wasOpened && rotation!.Reached(RotationState.Committed) is null && !(isDeadLetter && rotation.JobEndedAt is not null))
            || !(world.Schedule.NoEvents || isDeadLetter);
        var may = execution.Status != "SUCCEEDED" && execution.IsMarked && (wasOpened || execution.Status is not ("CANCELED" or "REMOVED" or "DELETED"));
        // A device that asked and was refused may be told of, however its job was called off then.
        var wasRefused = execution.Status != "SUCCEEDED"
            && world.Functions.Notices.Any(n => n.RotationId == rotationId && n.Kind == NoticeKind.RotationFailed && n.Code != "JOB_ENDED");
        return (may && isHeardOf, may || wasRefused);
    }
}
