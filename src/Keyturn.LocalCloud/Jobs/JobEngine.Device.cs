namespace Keyturn.LocalCloud.Jobs;

/// <summary>What a device may do, over MQTT and HTTP alike.</summary>
internal sealed partial class JobEngine
{
    /// <summary>What <paramref name="jobId"/> means: an id, or <c>$next</c>. Null only for <c>$next</c> of an empty queue.</summary>
    /// <param name="space">The namespace whose jobs are meant; another's are not found.</param>
    public JobExecution? Describe(string thing, string jobId, long? number, string? space = null)
    {
        lock (_lock)
        {
            RequireThing(thing);
            if (jobId == "$next")
                return PendingExecutions.First(_pending.Of(thing, space));
            var execution = Find(thing, jobId, number, space);
            return execution.IsTerminal
                ? throw new JobsException(
                    JobsError.TerminalStateReached, $"The job execution is {execution.Status.Name()}: a terminal state.", execution)
                : execution;
        }
    }

    public IReadOnlyList<JobExecution> Pending(string thing)
    {
        lock (_lock)
        {
            RequireThing(thing);
            return _pending.Of(thing);
        }
    }

    /// <summary>Begins what is next; what is in progress already is given as it is.</summary>
    public JobExecution? StartNext(string thing, IReadOnlyDictionary<string, string>? details, long? stepTimeoutInMinutes)
    {
        lock (_lock)
        {
            RequireThing(thing);
            var next = PendingExecutions.First(_pending.Of(thing));
            if (next is { Status: ExecutionStatus.Queued })
                Update(next, ExecutionStatus.InProgress, details, stepTimeoutInMinutes);
            return next;
        }
    }

    public JobExecution Update(string thing, string jobId, ExecutionUpdate update, string? space = null)
    {
        lock (_lock)
        {
            RequireThing(thing);
            var execution = Find(thing, jobId, update.ExecutionNumber, space);
            // The version is looked at first: who is behind must read again, whatever he wanted.
            if (update.ExpectedVersion is { } expected && expected != execution.Version)
            {
                throw new JobsException(
                    JobsError.VersionMismatch, $"Expected version {expected}, but the job execution has version {execution.Version}.", execution);
            }

            if (execution.IsTerminal || update.Status == ExecutionStatus.Queued)
            {
                throw new JobsException(
                    JobsError.InvalidStateTransition,
                    $"A job execution can't go from {execution.Status.Name()} to {update.Status.Name()}.", execution);
            }

            Update(execution, update.Status, update.Details, update.StepTimeoutInMinutes);
            return execution;
        }
    }

    private void Update(JobExecution execution, ExecutionStatus status, IReadOnlyDictionary<string, string>? details, long? stepTimeoutInMinutes)
    {
        execution.Details = details ?? execution.Details;
        if (status != ExecutionStatus.InProgress)
        {
            Changing(execution, () => Finish(execution, status));
            Settle(execution.Job);
            return;
        }

        Changing(execution, () =>
        {
            var now = Now;
            if (execution.Status == ExecutionStatus.Queued)
            {
                execution.StartedAt = now;
                execution.InProgressDeadline = now + execution.Job.Settings.InProgressTimeout;
            }

            execution.Status = ExecutionStatus.InProgress;
            execution.Version++;
            execution.LastUpdatedAt = now;
            execution.StepDeadline = stepTimeoutInMinutes switch
            {
                null => execution.StepDeadline,
                -1 => null,
                { } minutes => now.AddMinutes(minutes),
            };
        });
        if (execution.Deadline is { } deadline)
            _wakeUps.Add(deadline, execution.Job, execution);
        logger.JobExecutionChanged(execution.Job.Id, execution.Thing, status.Name());
    }

    private void RequireThing(string thing)
    {
        if (directory.FindThing(thing) is null)
            throw new JobsException(JobsError.ResourceNotFound, $"Thing {thing} does not exist.");
    }

    private JobExecution Find(string thing, string jobId, long? number, string? space) =>
        (_jobs.GetValueOrDefault(jobId) is { } job && job.Namespace == space ? job.Find(thing, number) : null)
        ?? throw new JobsException(JobsError.ResourceNotFound, $"No execution of job {jobId} for thing {thing}.");
}

/// <param name="StepTimeoutInMinutes">Null: as it is; -1: none any more.</param>
internal sealed record ExecutionUpdate(
    ExecutionStatus Status, IReadOnlyDictionary<string, string>? Details = null, long? ExpectedVersion = null,
    long? ExecutionNumber = null, long? StepTimeoutInMinutes = null);
