using Keyturn.Backend;
using Keyturn.Backend.Ports;

namespace Keyturn.Simulation;

/// <param name="Wrong">What was found to be wrong; nothing if all is well.</param>
/// <param name="Points">All that happened in the first half hour.</param>
internal sealed record Verdict(IReadOnlyList<string> Wrong, IReadOnlyList<Point> Points, int Struck, string Log);

/// <summary>Makes one run: a rotation under the faults of a schedule, rest, another rotation without any, rest.</summary>
internal static class Simulation
{
    private static readonly TimeSpan Opening = TimeSpan.FromMinutes(30), Rest = TimeSpan.FromDays(2);

    public static Verdict Run(Schedule schedule)
    {
        using var world = new World(schedule);
        var time = world.Time;
        world.Device.Boot();
        time.After(TimeSpan.FromSeconds(30), () => world.Jobs.Queue("job-1"));
        time.RunUntil(Opening);
        Point[] points = [.. world.Points.Seen];
        time.RunUntil(Opening + Rest);
        Check(world, "at rest");
        world.Jobs.Queue("next");
        time.RunUntil(Opening + Rest * 2);
        if (world.Jobs.Find("next")?.Status != "SUCCEEDED")
            world.Wrong($"the next rotation ended as {world.Jobs.Find("next")?.Status}");
        Check(world, "after the next rotation");
        return new Verdict(world.Faulty, points, world.Points.Struck, world.Device.Log);
    }

    private static void Check(World world, string when)
    {
        if (world.Device.State is not Device.Rotation.RotationState.Idle)
            world.Wrong($"{when}, the device is {world.Device.State}");
        if (world.Device.InUse is not { } inUse || !world.Accepts(inUse))
            world.Wrong($"{when}, the certificate in use is not accepted");
        var active = world.Functions.Registry.Certificates.Values.Where(c => c.IsActive).ToArray();
        if (active.Length != 1)
            world.Wrong($"{when}, {active.Length} certificates are active, {active.Count(c => c.Things.Count > 0)} of them attached");
        foreach (var execution in world.Jobs.Executions)
            CheckExecution(world, execution, when);
    }

    private static void CheckExecution(World world, Execution execution, string when)
    {
        if (!execution.IsOver)
        {
            world.Wrong($"{when}, {execution.JobId} is {execution.Status}");
            return;
        }
        var rotationId = Rotation.IdOf(World.Thing, world.Jobs.Describe(execution.JobId)!);
        var wasOpened = world.Functions.Ledger.Rotations.Any(r => r.RotationId == rotationId);
        var notices = world.Functions.Notices.Where(n => n.JobId == execution.JobId).ToArray();
        var failures = notices.Count(n => n.Kind == NoticeKind.RotationFailed);
        var shouldBeTold = execution.Status != "SUCCEEDED" && execution.IsMarked
            && (wasOpened || execution.Status is not ("CANCELED" or "REMOVED"));
        // Nobody can tell a message that was sent from one that was not, if the sender died before it could note it.
        var unsure = world.Schedule.Faults.Count(f => f.Point.Contains("sns.Publish", StringComparison.Ordinal) || f.Point.Contains("MarkNoticeSent", StringComparison.Ordinal));
        if (shouldBeTold && failures == 0)
            world.Wrong($"{when}, nobody was told that {execution.JobId} ended as {execution.Status}{(world.LostEnds.Contains(execution.JobId) ? " (its event was lost)" : "")}");
        if (failures > (shouldBeTold ? 1 + unsure : 0))
            world.Wrong($"{when}, {failures} messages say that {execution.JobId}, {execution.Status}, failed");
        if (notices.FirstOrDefault(n => n.Kind == NoticeKind.Alarm) is { } alarm)
            world.Wrong($"{when}, an alarm: {alarm.Code} {alarm.Reason}");
    }
}
