namespace Keyturn.Cli.Demo;

/// <summary>One device's rotation as the job execution shows it, with when each step was first seen.</summary>
internal sealed class WatchedRotation(DemoDevice device)
{
    public DemoDevice Device { get; } = device;

    public string Status { get; private set; } = "QUEUED";

    public string? Reason { get; private set; }

    public List<(string Step, TimeSpan At)> Steps { get; } = [("queued", TimeSpan.Zero)];

    public TimeSpan? Ended { get; private set; }

    public bool IsOver => Ended is not null;

    public void See(JobExecution execution, TimeSpan at)
    {
        if (IsOver)
            return;
        Status = execution.Status;
        Reason = execution.Reason;
        if (execution.Step is { } step && step != Steps[^1].Step)
            Steps.Add((step, at));
        if (execution.IsTerminal)
            Ended = at;
    }

    /// <summary>How long each step took: until the next was seen.</summary>
    public IEnumerable<(string Step, TimeSpan Took)> Durations() =>
        Steps.Zip(Steps.Skip(1).Select(next => next.At).Append(Ended ?? Steps[^1].At), (step, end) => (step.Step, end - step.At))
            .Where(step => step.Item2 > TimeSpan.Zero);
}

/// <summary>Polls the job's executions until every one is over.</summary>
internal sealed class RotationWatch(FleetApi fleet, TimeProvider time, IDemoScreen screen)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public async Task<IReadOnlyList<WatchedRotation>> WatchAsync(
        string jobId, IReadOnlyList<DemoDevice> devices, TimeSpan patience, CancellationToken stop)
    {
        var rotations = devices.Select(device => new WatchedRotation(device)).ToList();
        var started = time.GetTimestamp();
        while (rotations.Exists(rotation => !rotation.IsOver) && time.GetElapsedTime(started) < patience)
        {
            foreach (var rotation in rotations.Where(rotation => !rotation.IsOver))
            {
                if (await fleet.FindExecutionAsync(jobId, rotation.Device.Thing, stop) is { } execution)
                    rotation.See(execution, time.GetElapsedTime(started));
            }

            screen.Show(rotations, time.GetElapsedTime(started));
            await Task.Delay(Interval, time, stop);
        }

        screen.Show(rotations, time.GetElapsedTime(started));
        return rotations;
    }
}
