namespace Keyturn.LocalCloud.Jobs;

/// <param name="EndBehavior">STOP_ROLLOUT, CANCEL or FORCE_CANCEL.</param>
/// <param name="Windows">Maintenance windows of a continuous job: things are told of it within these only.</param>
internal sealed record JobSchedule(
    DateTimeOffset? Start, DateTimeOffset? End, string EndBehavior, IReadOnlyList<MaintenanceWindow> Windows)
{
    public bool IsOpen(DateTimeOffset now) => Windows.Count == 0 || Windows.Any(w => w.IsOpen(now));

    /// <summary>When a window opens next; null when none ever does.</summary>
    public DateTimeOffset? NextOpening(DateTimeOffset now) => Windows.Min(w => w.Recurrence.Next(now));
}

internal sealed record MaintenanceWindow(CronExpression Recurrence, int DurationInMinutes)
{
    public bool IsOpen(DateTimeOffset now) =>
        Recurrence.Next(now.AddMinutes(-DurationInMinutes)) is { } opening && opening <= now;
}
