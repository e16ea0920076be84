namespace Keyturn.LocalCloud.Jobs;

/// <summary>A job and its executions. Changed by the engine only, under its lock.</summary>
internal sealed class Job(string id, string arn, bool isContinuous, string document, JobSettings settings, DateTimeOffset createdAt)
{
    private readonly Dictionary<string, List<JobExecution>> _byThing = new(StringComparer.Ordinal);
    private readonly List<JobExecution> _all = [];
    private readonly Dictionary<ExecutionStatus, int> _census = [];

    public string Id { get; } = id;

    public string Arn { get; } = arn;

    public bool IsContinuous { get; } = isContinuous;

    public string Document { get; } = document;

    public string? TemplateArn { get; init; }

    /// <summary>Set for the jobs of another service: their things hear of them on topics of their own only.</summary>
    public string? Namespace { get; init; }

    public JobSettings Settings { get; set; } = settings;

    public List<string> Targets { get; } = [];

    /// <summary>Names of the groups among the targets: a continuous job listens to these.</summary>
    public HashSet<string> Groups { get; } = new(StringComparer.Ordinal);

    public JobStatus Status { get; set; } = JobStatus.InProgress;

    public DateTimeOffset CreatedAt { get; } = createdAt;

    public DateTimeOffset LastUpdatedAt { get; set; } = createdAt;

    public DateTimeOffset? CompletedAt { get; set; }

    public bool ForceCanceled { get; set; }

    public string? ReasonCode { get; set; }

    public string? Comment { get; set; }

    /// <summary>Things whose turn in the rollout has not come.</summary>
    public LinkedList<string> Waiting { get; } = [];

    /// <summary>The rollout is stopped for good: the end of a schedule was reached.</summary>
    public bool RolloutStopped { get; set; }

    /// <summary>Start of the minute that counts against the rollout's pace, and what was queued in it.</summary>
    public DateTimeOffset PaceMinute { get; set; }

    public int QueuedInMinute { get; set; }

    /// <summary>Things that were told of the job so far.</summary>
    public int NotifiedThings => _byThing.Count;

    public int SucceededThings { get; private set; }

    public IReadOnlyList<JobExecution> Executions => _all;

    /// <summary>Executions that are not terminal.</summary>
    public int OpenExecutions { get; private set; }

    /// <summary>Things by the status of their latest attempt.</summary>
    public IReadOnlyDictionary<ExecutionStatus, int> Census => _census;

    public void Add(JobExecution execution)
    {
        _all.Add(execution);
        if (!_byThing.TryGetValue(execution.Thing, out var attempts))
            _byThing[execution.Thing] = attempts = [];
        if (attempts.Count > 0)
            Count(attempts[^1].Status, -1);
        attempts.Add(execution);
        Count(execution.Status, 1);
        OpenExecutions += execution.IsTerminal ? 0 : 1;
    }

    public void Remove(JobExecution execution)
    {
        _all.Remove(execution);
        var attempts = _byThing[execution.Thing];
        var wasLatest = attempts[^1] == execution;
        attempts.Remove(execution);
        OpenExecutions -= execution.IsTerminal ? 0 : 1;
        if (wasLatest)
        {
            Count(execution.Status, -1);
            if (attempts.Count > 0)
                Count(attempts[^1].Status, 1);
        }

        if (attempts.Count == 0)
            _byThing.Remove(execution.Thing);
    }

    /// <summary>An execution that was added is about to change its status.</summary>
    public void Moved(JobExecution execution, ExecutionStatus from, ExecutionStatus to)
    {
        OpenExecutions += (to.IsTerminal() ? 0 : 1) - (from.IsTerminal() ? 0 : 1);
        if (AttemptsOf(execution.Thing)[^1] == execution)
        {
            Count(from, -1);
            Count(to, 1);
        }
    }

    public IReadOnlyList<JobExecution> AttemptsOf(string thing) => _byThing.TryGetValue(thing, out var attempts) ? attempts : [];

    /// <param name="number">Null: the latest.</param>
    public JobExecution? Find(string thing, long? number) =>
        AttemptsOf(thing).LastOrDefault(e => number is null || e.Number == number);

    public void CountSuccess() => SucceededThings++;

    private void Count(ExecutionStatus status, int change) => _census[status] = _census.GetValueOrDefault(status) + change;
}
