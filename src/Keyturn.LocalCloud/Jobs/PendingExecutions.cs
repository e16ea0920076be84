namespace Keyturn.LocalCloud.Jobs;

/// <summary>Each thing's executions that are not terminal, in the order in which they are next: in progress first, then by time.</summary>
internal sealed class PendingExecutions
{
    private readonly Dictionary<string, List<JobExecution>> _byThing = new(StringComparer.Ordinal);

    public IReadOnlyList<JobExecution> Of(string thing) => !_byThing.TryGetValue(thing, out var pending) ? [] :
    [
        .. pending.OrderBy(e => e.Status == ExecutionStatus.InProgress ? 0 : 1).ThenBy(e => e.QueuedAt).ThenBy(e => e.Sequence),
    ];

    public static JobExecution? First(IReadOnlyList<JobExecution> pending) => pending.Count > 0 ? pending[0] : null;

    public void Add(JobExecution execution)
    {
        if (!_byThing.TryGetValue(execution.Thing, out var pending))
            _byThing[execution.Thing] = pending = [];
        pending.Add(execution);
    }

    public void Remove(JobExecution execution)
    {
        if (_byThing.TryGetValue(execution.Thing, out var pending) && pending.Remove(execution) && pending.Count == 0)
            _byThing.Remove(execution.Thing);
    }
}
