namespace Keyturn.LocalCloud.Jobs;

/// <summary>Each thing's executions, of each namespace apart, that are not terminal, in the order in which they are next: in progress first, then by time.</summary>
internal sealed class PendingExecutions
{
    private readonly Dictionary<(string Thing, string? Namespace), List<JobExecution>> _byThing = [];

    public IReadOnlyList<JobExecution> Of(string thing, string? space = null) => !_byThing.TryGetValue((thing, space), out var pending) ? [] :
    [
        .. pending.OrderBy(e => e.Status == ExecutionStatus.InProgress ? 0 : 1).ThenBy(e => e.QueuedAt).ThenBy(e => e.Sequence),
    ];

    public static JobExecution? First(IReadOnlyList<JobExecution> pending) => pending.Count > 0 ? pending[0] : null;

    public void Add(JobExecution execution)
    {
        if (!_byThing.TryGetValue(Queue(execution), out var pending))
            _byThing[Queue(execution)] = pending = [];
        pending.Add(execution);
    }

    public void Remove(JobExecution execution)
    {
        if (_byThing.TryGetValue(Queue(execution), out var pending) && pending.Remove(execution) && pending.Count == 0)
            _byThing.Remove(Queue(execution));
    }

    private static (string, string?) Queue(JobExecution execution) => (execution.Thing, execution.Job.Namespace);
}
