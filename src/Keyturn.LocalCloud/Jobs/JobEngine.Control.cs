using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>What an operator may do to jobs and executions that exist.</summary>
internal sealed partial class JobEngine
{
    public Job CancelJob(string jobId, bool force, string? reasonCode, string? comment)
    {
        lock (_lock)
        {
            var job = FindJob(jobId);
            var isAgain = job.Status == JobStatus.Canceled && force && job.OpenExecutions > 0;
            if (!Takes(job) && !isAgain)
                throw RequestMembers.Invalid($"Job {jobId} can't be canceled: it is {job.Status.Name()}.");
            (job.ReasonCode, job.Comment) = (reasonCode ?? job.ReasonCode, comment ?? job.Comment);
            Cancel(job, force);
            return job;
        }
    }

    public void CancelExecution(string jobId, string thing, bool force, long? expectedVersion, IReadOnlyDictionary<string, string>? details)
    {
        lock (_lock)
        {
            var execution = FindJob(jobId).Find(thing, null) ?? throw NoExecution(jobId, thing);
            if (expectedVersion is { } expected && expected != execution.Version)
                throw new ApiException(409, "VersionConflictException", $"Expected version {expected}, but it is {execution.Version}.");
            if (execution.IsTerminal || (execution.Status == ExecutionStatus.InProgress && !force))
            {
                throw new ApiException(
                    409, "InvalidStateTransitionException", $"A job execution that is {execution.Status.Name()} can't be canceled{(execution.IsTerminal ? "" : " without force")}.");
            }

            execution.Details = details ?? execution.Details;
            Cancel(execution);
            Settle(execution.Job);
        }
    }

    public void DeleteJob(string jobId, bool force)
    {
        lock (_lock)
        {
            var job = FindJob(jobId);
            if (!force && (Takes(job) || job.OpenExecutions > 0))
            {
                throw new ApiException(
                    409, "InvalidStateTransitionException", $"Job {jobId} can't be deleted without force while it is {job.Status.Name()} or executions are not terminal.");
            }

            job.Status = JobStatus.DeletionInProgress;
            job.LastUpdatedAt = Now;
            Publish(job, "deletion_in_progress", "DELETION_IN_PROGRESS");
            foreach (var execution in job.Executions.ToList())
                Delete(execution);
            _jobs.Remove(jobId);
            Publish(job, "deleted", "DELETED");
        }
    }

    public void DeleteExecution(string jobId, string thing, long number, bool force)
    {
        lock (_lock)
        {
            var job = FindJob(jobId);
            var execution = job.Find(thing, number) ?? throw NoExecution(jobId, thing);
            if (!execution.IsTerminal && !force)
            {
                throw new ApiException(
                    409, "InvalidStateTransitionException", $"A job execution that is {execution.Status.Name()} can't be deleted without force.");
            }

            Delete(execution);
            Settle(job);
        }
    }

    public void UpdateJob(string jobId, Func<Job, JobSettings> change)
    {
        lock (_lock)
        {
            var job = FindJob(jobId);
            if (!Takes(job))
                throw RequestMembers.Invalid($"Job {jobId} can't be updated: it is {job.Status.Name()}.");
            job.Settings = change(job);
            job.LastUpdatedAt = Now;
            Settle(job);
        }
    }

    public Job FindJob(string jobId)
    {
        lock (_lock)
            return _jobs.GetValueOrDefault(jobId) ?? throw new ApiException(404, "ResourceNotFoundException", $"Job {jobId} does not exist.");
    }

    public static ApiException NoExecution(string jobId, string thing) =>
        new(404, "ResourceNotFoundException", $"No execution of job {jobId} for thing {thing}.");

    private void Cancel(Job job, bool force)
    {
        var wasCanceled = job.Status == JobStatus.Canceled;
        job.ForceCanceled |= force;
        if (!wasCanceled)
            Publish(job, "cancellation_in_progress", "CANCELLATION_IN_PROGRESS");
        job.Status = JobStatus.Canceled;
        job.LastUpdatedAt = Now;
        job.Waiting.Clear();
        foreach (var execution in job.Executions.ToList())
        {
            if (execution.Status == ExecutionStatus.Queued || (force && execution.Status == ExecutionStatus.InProgress))
                Cancel(execution);
        }

        job.CompletedAt ??= Now;
        if (!wasCanceled)
            Publish(job, "canceled", "CANCELED");
    }

    private void Cancel(JobExecution execution)
    {
        execution.ForceCanceled = execution.Status == ExecutionStatus.InProgress;
        Changing(execution, () => Finish(execution, ExecutionStatus.Canceled));
    }

    private void Delete(JobExecution execution) => Changing(execution, () =>
    {
        _pending.Remove(execution);
        Publish(execution, "deleted");
        // No deadline may find it again.
        if (!execution.IsTerminal)
            execution.Status = ExecutionStatus.Removed;
        execution.Job.Remove(execution);
    });
}
