namespace Keyturn.Device.Rotation;

internal enum JobStatus
{
    Queued,
    InProgress,
    Succeeded,
    Failed,
    Rejected,
    TimedOut,
    Canceled,
    Removed,
}

/// <summary>What the Jobs service says about one job execution of this thing.</summary>
/// <param name="Number">Execution number: a retried execution of the same job has another one.</param>
/// <param name="Version">Rises by one with each update; an update names the one it expects.</param>
/// <param name="QueuedAt">Epoch seconds. With the job id and the number it identifies the rotation, since a job id may be used again.</param>
/// <param name="IsRotation">The job document asks for a rotation. Other jobs are never touched.</param>
/// <param name="IsMarked">Its statusDetails carry our mark.</param>
/// <param name="SecondsLeft">Until the service times the execution out, if it says so.</param>
internal sealed record JobExecution(
    string JobId, long Number, int Version, long QueuedAt, JobStatus Status, bool IsRotation, bool IsMarked, int? SecondsLeft = null)
{
    public bool IsOver => Status is not (JobStatus.Queued or JobStatus.InProgress);
}

/// <summary>The part of an execution that a refused update carries: enough to recognise one's own write.</summary>
internal sealed record JobExecutionState(JobStatus Status, int Version, bool IsMarked);

internal static class JobRefusalCode
{
    public const string VersionMismatch = "VersionMismatch";
    public const string TerminalStateReached = "TerminalStateReached";
    public const string InvalidStateTransition = "InvalidStateTransition";
    public const string ResourceNotFound = "ResourceNotFound";

    /// <summary>After one of these no further update of the execution can succeed.</summary>
    public static bool EndsReporting(string code) => code is TerminalStateReached or InvalidStateTransition or ResourceNotFound;
}
