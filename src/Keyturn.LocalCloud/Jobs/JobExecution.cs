namespace Keyturn.LocalCloud.Jobs;

internal enum ExecutionStatus
{
    Queued,
    InProgress,
    Succeeded,
    Failed,
    TimedOut,
    Rejected,
    Removed,
    Canceled,
}

internal enum JobStatus
{
    Scheduled,
    InProgress,
    Canceled,
    Completed,
    DeletionInProgress,
}

/// <summary>One thing's attempt at one job. Changed by the engine only, under its lock.</summary>
internal sealed class JobExecution(Job job, string thing, long number, int retryAttempt, long sequence, DateTimeOffset queuedAt)
{
    public Job Job { get; } = job;

    public string Thing { get; } = thing;

    /// <summary>executionNumber: which attempt of this thing at this job.</summary>
    public long Number { get; } = number;

    /// <summary>0 for the first attempt; then the how-manyeth retry.</summary>
    public int RetryAttempt { get; } = retryAttempt;

    /// <summary>Orders executions that were queued in the same instant.</summary>
    public long Sequence { get; } = sequence;

    public ExecutionStatus Status
    {
        get;
        set
        {
            Job.Moved(this, field, value);
            field = value;
        }
    }

    public DateTimeOffset QueuedAt { get; } = queuedAt;

    public DateTimeOffset? StartedAt { get; set; }

    public DateTimeOffset LastUpdatedAt { get; set; } = queuedAt;

    /// <summary>1 when queued; up by one at each change.</summary>
    public long Version { get; set; } = 1;

    public IReadOnlyDictionary<string, string>? Details { get; set; }

    public bool ForceCanceled { get; set; }

    public DateTimeOffset? InProgressDeadline { get; set; }

    public DateTimeOffset? StepDeadline { get; set; }

    public bool IsTerminal => Status.IsTerminal();

    public DateTimeOffset? Deadline => Status != ExecutionStatus.InProgress ? null
        : InProgressDeadline is { } whole && StepDeadline is { } step ? (whole < step ? whole : step)
        : InProgressDeadline ?? StepDeadline;

    public long? SecondsBeforeTimeout(DateTimeOffset now) =>
        Deadline is { } deadline ? Math.Max(0, (long)Math.Ceiling((deadline - now).TotalSeconds)) : null;
}

internal static class StatusNames
{
    private static readonly Dictionary<string, ExecutionStatus> Executions =
        Enum.GetValues<ExecutionStatus>().ToDictionary(s => s.Name(), StringComparer.Ordinal);

    private static readonly Dictionary<string, JobStatus> Jobs = Enum.GetValues<JobStatus>().ToDictionary(s => s.Name(), StringComparer.Ordinal);

    public static bool IsTerminal(this ExecutionStatus status) => status is not (ExecutionStatus.Queued or ExecutionStatus.InProgress);

    public static IEnumerable<string> OfExecutions => Executions.Keys;

    public static IEnumerable<string> OfJobs => Jobs.Keys;

    public static ExecutionStatus? FindExecution(string name) => Executions.TryGetValue(name, out var status) ? status : null;

    public static JobStatus? FindJob(string name) => Jobs.TryGetValue(name, out var status) ? status : null;

    public static string Name(this ExecutionStatus status) => status switch
    {
        ExecutionStatus.Queued => "QUEUED",
        ExecutionStatus.InProgress => "IN_PROGRESS",
        ExecutionStatus.Succeeded => "SUCCEEDED",
        ExecutionStatus.Failed => "FAILED",
        ExecutionStatus.TimedOut => "TIMED_OUT",
        ExecutionStatus.Rejected => "REJECTED",
        ExecutionStatus.Removed => "REMOVED",
        _ => "CANCELED",
    };

    public static string Name(this JobStatus status) => status switch
    {
        JobStatus.Scheduled => "SCHEDULED",
        JobStatus.InProgress => "IN_PROGRESS",
        JobStatus.Canceled => "CANCELED",
        JobStatus.Completed => "COMPLETED",
        _ => "DELETION_IN_PROGRESS",
    };
}
