using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>
/// The state machine of jobs and executions. It has no thread, no randomness and no clock of its own: whoever calls says what
/// happened, and <see cref="Advance"/> lets time pass. What it publishes leaves in the order of the changes.
/// </summary>
/// <remarks>
/// <code>
///               device                          control plane, clock
/// QUEUED        → IN_PROGRESS, SUCCEEDED,       → CANCELED, REMOVED
///                 FAILED, REJECTED
/// IN_PROGRESS   → IN_PROGRESS, SUCCEEDED,       → TIMED_OUT; CANCELED with force; REMOVED
///                 FAILED, REJECTED
/// terminal      (nothing)                       FAILED, TIMED_OUT → another attempt, QUEUED, by the retry criteria
/// </code>
/// </remarks>
internal sealed partial class JobEngine(
    CloudAccount account, IDeviceDirectory directory, EventConfigurations events, TimeProvider time, Action<BusMessage> publish, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Job> _jobs = new(StringComparer.Ordinal);
    private readonly PendingExecutions _pending = new();
    private readonly WakeUps _wakeUps = new();
    private long _sequence;

    /// <summary>When <see cref="Advance"/> has something to do next.</summary>
    public DateTimeOffset? NextWakeUp
    {
        get
        {
            lock (_lock)
                return _wakeUps.Next;
        }
    }

    private DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Reads under the lock, so that what is shown belongs together.</summary>
    public T Read<T>(Func<IReadOnlyDictionary<string, Job>, T> read)
    {
        lock (_lock)
            return read(_jobs);
    }

    public IReadOnlyList<JobExecution> PendingOf(string thing)
    {
        lock (_lock)
            return _pending.Of(thing);
    }

    /// <summary>Timeouts, rollouts, schedules that are due.</summary>
    public void Advance()
    {
        lock (_lock)
        {
            foreach (var (job, execution) in _wakeUps.TakeDue(Now).ToList())
            {
                if (execution is not null)
                    TimeOutIfDue(execution);
                else if (_jobs.GetValueOrDefault(job.Id) == job)
                    AdvanceJob(job);
            }
        }
    }

    /// <summary>A change of one thing's executions, told to the thing if its list, or what is next, became another.</summary>
    private void Changing(string thing, string? space, Action change)
    {
        var before = _pending.Of(thing, space);
        change();
        var after = _pending.Of(thing, space);
        if (before.Count != after.Count || before.Except(after).Any())
            publish(JobMessages.Notify(thing, space, after, Now));
        var next = PendingExecutions.First(after);
        if (PendingExecutions.First(before) != next)
            publish(JobMessages.NotifyNext(thing, space, next, Now));
    }

    private void Changing(JobExecution execution, Action change) => Changing(execution.Thing, execution.Job.Namespace, change);

    private void Enqueue(Job job, string thing, int retryAttempt = 0)
    {
        var number = job.AttemptsOf(thing) is [.., { } latest] ? latest.Number + 1 : 1;
        var execution = new JobExecution(job, thing, number, retryAttempt, ++_sequence, Now);
        job.Add(execution);
        _pending.Add(execution);
        logger.JobExecutionChanged(job.Id, thing, execution.Status.Name());
    }

    /// <summary>The one place where an execution becomes terminal. To be called within <see cref="Changing"/>.</summary>
    private void Finish(JobExecution execution, ExecutionStatus status)
    {
        execution.Status = status;
        execution.Version++;
        execution.LastUpdatedAt = Now;
        _pending.Remove(execution);
        var job = execution.Job;
        if (status == ExecutionStatus.Succeeded)
            job.CountSuccess();
        logger.JobExecutionChanged(job.Id, execution.Thing, status.Name());
        Publish(execution, status.Name().ToLowerInvariant());
        if (job.Status == JobStatus.InProgress
            && job.Settings.Retries.FirstOrDefault(r => r.Covers(status)) is { } retry && execution.RetryAttempt < retry.Retries)
            Enqueue(job, execution.Thing, execution.RetryAttempt + 1);
    }

    private void TimeOutIfDue(JobExecution execution)
    {
        if (execution.Deadline is not { } deadline)
            return;
        if (deadline > Now)
        {
            _wakeUps.Add(deadline, execution.Job, execution);
            return;
        }

        Changing(execution, () => Finish(execution, ExecutionStatus.TimedOut));
        Settle(execution.Job);
    }

    /// <summary>After executions ended: is the job to be aborted, is it complete, may the rollout go faster?</summary>
    private void Settle(Job job)
    {
        if (job.Status == JobStatus.InProgress && job.Settings.Abort?.IsMet(job.Census) == true)
            Cancel(job, force: false);
        RollOut(job);
        if (job is { Status: JobStatus.InProgress, IsContinuous: false } && (job.Waiting.Count == 0 || job.RolloutStopped)
            && job.OpenExecutions == 0)
        {
            job.Status = JobStatus.Completed;
            job.CompletedAt = job.LastUpdatedAt = Now;
            Publish(job, "completed", "COMPLETED");
        }
    }

    private void Publish(JobExecution execution, string operation)
    {
        if (events.IsEnabled("JOB_EXECUTION"))
            publish(JobMessages.ExecutionEvent(execution, operation, account.Arn("iot", "thing/" + execution.Thing), Now));
    }

    private void Publish(Job job, string operation, string status)
    {
        if (events.IsEnabled("JOB"))
            publish(JobMessages.JobEvent(job, operation, status, Now));
    }
}
