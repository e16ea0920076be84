using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Making jobs, and who is told of them when.</summary>
internal sealed partial class JobEngine
{
    public void Create(Job job, IEnumerable<string> targetArns)
    {
        lock (_lock)
        {
            if (_jobs.TryGetValue(job.Id, out var existing))
            {
                throw new ApiException(409, "ResourceAlreadyExistsException", $"Job {job.Id} already exists.", new()
                {
                    ["resourceId"] = job.Id, ["resourceArn"] = existing.Arn,
                });
            }

            var targets = targetArns.Distinct().Select(Resolve).ToList();
            _jobs[job.Id] = job;
            foreach (var target in targets)
                Target(job, target);
            if (job.Settings.Schedule is { } schedule)
            {
                if (schedule.Start > Now)
                {
                    job.Status = JobStatus.Scheduled;
                    _wakeUps.Add(schedule.Start.Value, job);
                }

                if (schedule.End is { } end)
                    _wakeUps.Add(end, job);
            }

            Settle(job);
        }
    }

    /// <summary>AssociateTargetsWithJob.</summary>
    public void AddTargets(Job job, IEnumerable<string> targetArns)
    {
        lock (_lock)
        {
            if (!job.IsContinuous || job.Status is not (JobStatus.InProgress or JobStatus.Scheduled))
                throw RequestMembers.Invalid($"Targets can be added to a CONTINUOUS job in progress only; {job.Id} is {job.Status.Name()}.");
            var targets = targetArns.Distinct().Where(t => !job.Targets.Contains(t)).Select(Resolve).ToList();
            foreach (var target in targets)
                Target(job, target);
            job.LastUpdatedAt = Now;
            Settle(job);
        }
    }

    public void ThingJoined(string group, string thing)
    {
        lock (_lock)
        {
            foreach (var job in _jobs.Values.Where(j => Takes(j) && j.IsContinuous && Targets(j, group, thing)).ToList())
            {
                // What was withdrawn when it left is offered again; what it did already is not.
                var attempts = job.AttemptsOf(thing);
                if (!job.Waiting.Contains(thing) && (attempts.Count == 0 || attempts[^1].Status == ExecutionStatus.Removed))
                    job.Waiting.AddLast(thing);
                Settle(job);
            }
        }
    }

    public void ThingLeft(string group, string thing)
    {
        lock (_lock)
        {
            var remaining = directory.GroupsOfThing(thing);
            foreach (var job in _jobs.Values.Where(j => j.IsContinuous && j.Groups.Contains(group)).ToList())
            {
                if (job.Targets.Contains(account.Arn("iot", "thing/" + thing)) || remaining.Any(job.Groups.Contains))
                    continue;
                job.Waiting.Remove(thing);
                if (job.AttemptsOf(thing) is [.., { Status: ExecutionStatus.Queued } execution])
                    Changing(execution, () => Finish(execution, ExecutionStatus.Removed));
            }
        }
    }

    public void ThingDeleted(string thing)
    {
        lock (_lock)
        {
            foreach (var job in _jobs.Values.ToList())
            {
                job.Waiting.Remove(thing);
                if (job.AttemptsOf(thing) is [.., { IsTerminal: false } execution])
                    Changing(execution, () => Finish(execution, ExecutionStatus.Removed));
                Settle(job);
            }
        }
    }

    private static bool Takes(Job job) => job.Status is JobStatus.InProgress or JobStatus.Scheduled;

    /// <summary>A thing in a child group is in its parents too.</summary>
    private bool Targets(Job job, string group, string thing) =>
        job.Groups.Contains(group) || directory.GroupsOfThing(thing).Any(job.Groups.Contains);

    private (string Arn, string? Group, IReadOnlyList<string> Things) Resolve(string arn)
    {
        var things = account.Arn("iot", "thing/");
        var groups = account.Arn("iot", "thinggroup/");
        if (arn.StartsWith(things, StringComparison.Ordinal) && arn.Length > things.Length)
        {
            var name = arn[things.Length..];
            return directory.FindThing(name) is null ? throw NotFound(arn) : (arn, null, [name]);
        }

        if (arn.StartsWith(groups, StringComparison.Ordinal) && arn.Length > groups.Length)
        {
            var name = arn[groups.Length..];
            return (arn, name, directory.ThingsInGroup(name) ?? throw NotFound(arn));
        }

        throw RequestMembers.Invalid($"Invalid target: {arn} is neither a thing nor a thing group of this account.");

        static ApiException NotFound(string arn) => new(404, "ResourceNotFoundException", $"The target {arn} does not exist.");
    }

    private static void Target(Job job, (string Arn, string? Group, IReadOnlyList<string> Things) target)
    {
        job.Targets.Add(target.Arn);
        if (target.Group is not null)
            job.Groups.Add(target.Group);
        var waiting = job.Waiting.ToHashSet(StringComparer.Ordinal);
        foreach (var thing in target.Things)
        {
            if (waiting.Add(thing) && job.AttemptsOf(thing).Count == 0)
                job.Waiting.AddLast(thing);
        }
    }

    private void AdvanceJob(Job job)
    {
        if (job.Status == JobStatus.Scheduled && job.Settings.Schedule?.Start <= Now)
        {
            job.Status = JobStatus.InProgress;
            job.LastUpdatedAt = Now;
        }

        if (Takes(job) && !job.RolloutStopped && job.Settings.Schedule is { End: { } end } schedule && end <= Now)
        {
            job.RolloutStopped = true;
            if (schedule.EndBehavior != "STOP_ROLLOUT")
                Cancel(job, force: schedule.EndBehavior == "FORCE_CANCEL");
        }

        Settle(job);
    }

    /// <summary>Queues executions as fast as the rollout's pace allows, and asks to be woken for the rest.</summary>
    private void RollOut(Job job)
    {
        if (job.Status != JobStatus.InProgress || job.RolloutStopped || job.Waiting.Count == 0)
            return;
        if (job.Settings.Schedule is { } schedule && !schedule.IsOpen(Now))
        {
            if (schedule.NextOpening(Now) is { } opening)
                _wakeUps.Add(opening, job);
            return;
        }

        if (Now >= job.PaceMinute.AddMinutes(1))
            (job.PaceMinute, job.QueuedInMinute) = (Now, 0);
        while (job.Waiting.First is { } first)
        {
            var pace = (job.Settings.Rollout ?? new RolloutSettings(null, null)).PerMinute(job.NotifiedThings, job.SucceededThings);
            if (job.QueuedInMinute >= pace)
            {
                _wakeUps.Add(job.PaceMinute.AddMinutes(1), job);
                return;
            }

            job.Waiting.RemoveFirst();
            if (directory.FindThing(first.Value) is null)
                continue;
            job.QueuedInMinute++;
            Changing(first.Value, job.Namespace, () => Enqueue(job, first.Value));
        }
    }
}
